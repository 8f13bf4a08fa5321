"""One run of a command of the configuration: no shell, an environment of its own, bounded in every way.

What it writes is read as it comes and only its end is kept, in memory: a script that makes room on a full
disk must not need room there.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from activities.support.environment import VariableMissing
from activities.support.redaction import clean, clean_lines
from models.base import in_words
from models.redaction.known import KNOWN

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEPT = 16 * 1024
"""Bytes of the end of what a script writes."""
_CHUNK = 64 * 1024
KILL_AFTER = timedelta(seconds=5)
_POLL = 0.1


class CannotRun(Exception):
    """The program did not begin; nothing was done. The text has the cure."""


@dataclass(frozen=True)
class Ended:
    """How it ended. `status` is None when it was ended for taking too long, negative after a signal.

    `said` and `complained` are the last lines of its output and of its errors, readable and redacted.
    """

    status: int | None
    said: str = ""
    complained: str = ""

    @property
    def words(self) -> str:
        """Its complaint where it failed, else what it said."""
        return (self.complained or self.said) if self.status else (self.said or self.complained)

    def says(self, program: str, within: timedelta) -> str:
        """One sentence of how it ended."""
        if self.status is None:
            how = f"was ended after {in_words(within)}, maybe half done"
        elif self.status < 0:
            how = f"was ended by {_signal(-self.status)}"
        else:
            how = f"exited with {self.status}"
        return f"{clean(program, 120)} {how}" + (f": {self.words}" if self.words else "")


def environment_of(named: Iterable[str]) -> dict[str, str]:
    """What a script gets, and nothing else of the worker's. Values that it is given are hidden in its output.

    Raises `VariableMissing`.
    """
    given = {}
    for name in named:
        if name not in os.environ:
            raise VariableMissing(f"the variable {name} is not set: set it for the worker and restart it")
        given[name] = os.environ[name]
        KNOWN.remember(given[name])
    home = {"HOME": os.environ["HOME"]} if "HOME" in os.environ else {}
    return {"PATH": PATH, "LANG": "C.UTF-8", **home, **given}


def run_script(
    command: Sequence[str],
    within: timedelta,
    environment: Iterable[str],
    kill_after: timedelta = KILL_AFTER,
) -> Ended:
    """Run it to its end, in `/`, without input; who is cancelled meanwhile leaves nothing of it running.

    Raises `CannotRun` when it cannot begin.
    """
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env=environment_of(environment),
            start_new_session=True,
        )
    except VariableMissing as missing:
        raise CannotRun(str(missing)) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise CannotRun(f"{clean(command[0], 120)} cannot be run: {why}") from error
    assert process.stdout and process.stderr  # noqa: S101 - both are pipes
    with process.stdout as output, process.stderr as errors:
        kept = {output.fileno(): b"", errors.fileno(): b""}
        try:
            in_time = _followed(process, kept, within, kill_after.total_seconds())
        except BaseException:  # a cancelled activity, too
            _kill(process)
            raise
        said, complained = map(_last_line, kept.values())
    return Ended(process.returncode if in_time else None, said, complained)


def _followed(
    process: subprocess.Popen[bytes], kept: dict[int, bytes], within: timedelta, kill_after: float
) -> bool:
    """Keep the end of what it writes until it ended; False when it had to be ended.

    What it leaves running may keep a pipe open: that is not waited for.
    """
    until = time.monotonic() + within.total_seconds()
    waiting = select.poll()
    for pipe in kept:
        os.set_blocking(pipe, False)
        waiting.register(pipe, select.POLLIN)
    while process.poll() is None:
        if time.monotonic() >= until:
            _end(process, kill_after)
            _read(waiting, kept, 0)
            return False
        if not _read(waiting, kept, _POLL):
            time.sleep(_POLL)
    last = time.monotonic() + _POLL
    while _read(waiting, kept, 0) and time.monotonic() < last:
        pass  # one that goes on writing after its parent ended is left alone
    return True


def _read(waiting: select.poll, kept: dict[int, bytes], wait: float) -> bool:
    """Whether a pipe may bring more: what came is kept, up to its last part."""
    for pipe, _ in (came := waiting.poll(wait * 1000)):
        chunk = os.read(pipe, _CHUNK)
        kept[pipe] = (kept[pipe] + chunk)[-KEPT:]
        if not chunk:
            waiting.unregister(pipe)
    return bool(came)


def _last_line(said: bytes) -> str:
    lines = [line.strip() for line in clean_lines(said.splitlines()) if line.strip()]
    return clean(lines[-1], 300) if lines else ""


def _end(process: subprocess.Popen[bytes], kill_after: float) -> None:
    """It, and what it started in its session: first kindly, then also what outlives it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(kill_after)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """At once, where it still runs."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
