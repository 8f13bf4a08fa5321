"""Runs PostgreSQL's programs for a drill: bounded, killed with it, and never as root."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from activities.support.redaction import clean
from models.configuration.backups import BackupLocation

NOBODY = 65534
_SAID = 4096
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin"}


class Failed(Exception):
    """A program failed; the text is what it said, cleaned."""


class Missing(Exception):
    """A program is not installed; the text has the cure."""


def program(location: BackupLocation, name: str) -> str:
    """The path of a program. Raises `Missing`."""
    beside = Path(shutil.which(location.pg_restore) or location.pg_restore).resolve().parent
    places = [location.drill.programs] if location.drill.programs else [str(beside), None]
    for place in places:
        if found := shutil.which(name, path=place):
            return found
    raise Missing(
        f"{name} of PostgreSQL is not installed here: install its server, write its directory under "
        f"drill.programs of {location.name}, or a scratch server under drill.server"
    )


def with_its_parent(argv: Sequence[str]) -> list[str]:
    """The command as a user who is not root, that ends when the worker does."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise Missing(
            "setpriv, which ends the scratch server with its worker, is not installed: "
            "install util-linux, or write a scratch server under drill.server"
        )
    user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    return [setpriv, "--pdeathsig=KILL", *user, *argv]


def as_nobody(argv: Sequence[str], memory: int) -> list[str]:
    """The same in so many bytes, where that can be had: reading a backup needs no rights of ours."""
    return within(with_its_parent(argv) if shutil.which("setpriv") else argv, memory)


def within(argv: Sequence[str], memory: int) -> list[str]:
    """The command with so many bytes of address space, where util-linux is installed."""
    prlimit = shutil.which("prlimit")
    return [prlimit, f"--as={memory}", *argv] if prlimit else list(argv)


async def run(
    argv: Sequence[str],
    *,
    password: str = "",
    feed: Iterator[bytes] | None = None,
    stdin: BinaryIO | None = None,
) -> None:
    """Run it to its end, and give it what is to be read. Raises `Failed`; killed when this is cancelled."""
    given = asyncio.subprocess.DEVNULL if stdin is None else stdin
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=given if feed is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**ENVIRONMENT, **({"PGPASSWORD": password} if password else {})},
    )
    try:
        _, said = await asyncio.gather(_give(process, feed), _said_by(process))
        code = await process.wait()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
    if code or b"out of memory" in said:  # at which psql ends as at the end of its input
        words = clean(" ".join(said.decode("utf-8", errors="replace").split()), 300)
        if words.startswith("setpriv:"):
            raise Missing(f"a program of PostgreSQL cannot be run as nobody: let every user run it ({words})")
        raise Failed(words or f"{Path(argv[0]).name} ended with code {code}")


async def _give(process: asyncio.subprocess.Process, feed: Iterator[bytes] | None) -> None:
    """It may stop reading at any time: then its exit status tells why."""
    if feed is None or process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while (piece := await asyncio.to_thread(next, feed, None)) is not None:
            process.stdin.write(piece)
            await process.stdin.drain()
    process.stdin.close()


async def _said_by(process: asyncio.subprocess.Process) -> bytes:
    """The beginning of what it complained of; the rest is read and dropped."""
    said = b""
    while process.stderr and (piece := await process.stderr.read(_SAID)):
        said = (said + piece)[:_SAID]
    return said
