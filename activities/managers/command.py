"""A program that is run once, by its argument list, for a bounded time. Never a shell."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO

from activities.managers.manager import ManagerRefused, Unsupported
from activities.support.redaction import clean
from models.base import in_words

_OUTPUT_LIMIT = 2**20
_KILL_AFTER = 5.0


@dataclass(frozen=True)
class Ran:
    """How a program ended. `last_words` is its last line of complaint, redacted."""

    status: int
    output: str
    last_words: str


def run(
    command: Sequence[str],
    *,
    timeout: timedelta,
    environment: Mapping[str, str],
    stdin: str = "",
    directory: str | None = None,
) -> Ran:
    """Run to its end, with this environment alone.

    Raises `Unsupported` if it cannot begin, `ManagerRefused` if it outlives `timeout`.
    """
    # Output goes to files: a program that writes a gigabyte, or leaves a child behind that keeps
    # the stream open, must not hold this thread or its memory.
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as said,
        tempfile.TemporaryFile() as complained,
    ):
        given.write(stdin.encode())
        given.seek(0)
        try:
            process = subprocess.Popen(
                list(command),
                stdin=given,
                stdout=said,
                stderr=complained,
                cwd=directory,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise Unsupported(f"{clean(command[0], 120)} cannot be run: {why}") from error
        try:
            status = process.wait(timeout.total_seconds())
        except subprocess.TimeoutExpired as error:
            _end(process)
            raise ManagerRefused(
                f"{clean(command[0], 120)} was ended after {in_words(timeout)}, maybe half done"
            ) from error
        complaints = _read(complained).strip().splitlines() or _read(said).strip().splitlines()
        last_words = clean(complaints[-1], 300) if complaints else f"exit status {status}"
        return Ran(status, _read(said), last_words)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and what it started, first kindly."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_KILL_AFTER)
            return


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_OUTPUT_LIMIT).decode("utf-8", errors="replace")
