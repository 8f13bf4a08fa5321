"""A machine of its own, as far as commands can tell: network, processes, /etc and /opt."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from demo.parts.waiting import until
from tests.parts.requirements import missing

_BEGIN = """
ip link set lo up
mount --bind "$0/etc" /etc
mkdir "$0/opt"
mount --rbind /opt "$0/opt"
mount -t tmpfs tmpfs /opt
for one in "$0"/opt/*/; do
    [ -d "$one" ] && mkdir "/opt/$(basename "$one")" && mount --rbind "$one" "/opt/$(basename "$one")"
done
echo ready
exec sleep infinity
"""
_OWN = ("--net", "--mount", "--pid")
PATIENCE = 90
"""Seconds for one command that ends by itself."""


@dataclass(frozen=True)
class Ended:
    """How a block of a shell ended, and all that it printed."""

    code: int
    said: str


@dataclass
class OwnMachine:
    """Commands run in it as root; whatever they started ends with it."""

    pid: int
    directory: Path
    environment: dict[str, str]
    started: list[Process] = field(default_factory=list)

    async def runs(self, block: str, answer: str = "") -> Ended:
        """As pasted into a shell; where an answer is typed, that is a terminal."""
        process, said = await self.starts(block, answer)
        try:
            async with asyncio.timeout(PATIENCE):
                return Ended(await process.wait(), said.read_text(errors="replace"))
        except TimeoutError:
            raise AssertionError(
                f"{block}\ndoes not end: {said.read_text(errors='replace')[-3000:]}"
            ) from None

    async def watched(self, block: str, shows: str) -> Ended:
        """What goes on until Ctrl-C, which is typed once it shows this."""
        process, said = await self.starts(block)

        async def goes_on() -> str:
            found = said.read_text(errors="replace")
            if shows in found and process.returncode is None:
                interrupt(process.pid)
            return "it runs" if process.returncode is None else ""

        await until(f"{block}\nended after it showed {shows!r}", goes_on)
        return Ended(await process.wait(), said.read_text(errors="replace"))

    async def starts(self, block: str, answer: str = "") -> tuple[Process, Path]:
        """Go on without waiting for its end; its output is in the file."""
        said = self.directory / f"said-{len(self.started)}"
        enter = ["nsenter", f"--target={self.pid}", *_OWN, "bash", "-c", f'cd "$0"\n{block}']
        with said.open("wb") as out, typed(answer) as keys:
            process = await asyncio.create_subprocess_exec(
                *enter, str(self.directory / "clone"),
                env=self.environment, stdin=keys, stdout=out, stderr=out,
            )  # fmt: skip
        self.started.append(process)
        return process, said


@contextmanager
def typed(answer: str) -> Iterator[int]:
    """A terminal at which this was typed; else nothing can be typed."""
    if not answer:
        yield DEVNULL
        return
    ours, theirs = os.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        yield theirs
    finally:
        os.close(theirs)  # what runs has its own by then


def interrupt(pid: int) -> None:
    """Ctrl-C reaches whatever the shell runs."""
    with suppress(psutil.NoSuchProcess):
        for one in psutil.Process(pid).children(recursive=True):
            one.send_signal(signal.SIGINT)


@asynccontextmanager
async def own_machine(directory: Path, environment: dict[str, str]) -> AsyncIterator[OwnMachine]:
    """Its /etc is a copy, what is put into its /opt is nowhere else, and its loopback's ports are free."""
    if os.geteuid() or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        missing("a machine of its own needs root, unshare, nsenter and ip")
    shutil.copytree("/etc", directory / "etc", symlinks=True)
    started: list[Process] = []
    outer = subprocess.Popen(  # noqa: ASYNC220 - it answers with one line, at once
        ["unshare", *_OWN, "--fork", "--kill-child", "--mount-proc", "bash", "-ec", _BEGIN, str(directory)],
        stdin=DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert outer.stdout is not None
        if (line := outer.stdout.readline().strip()) != "ready":
            missing(f"a machine of its own cannot be made: {line}")
        (inner,) = psutil.Process(outer.pid).children()
        yield OwnMachine(inner.pid, directory, environment, started)
    finally:
        outer.kill()
        outer.communicate()
    for process in started:
        await process.wait()
