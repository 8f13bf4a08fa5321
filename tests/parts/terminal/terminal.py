"""A terminal at which a person types a command: what was written to it, what it shows, and keys."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import struct
import sys
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from demo.parts.waiting import until
from tests.parts.product.intake import ROOT
from tests.parts.requirements import missing

_PART = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\r|\n|[^\x00-\x1f])")
STARTER = (sys.executable, "starter.py")
PATIENCE = 180
"""Seconds: several programs start at once, on a machine that has other work."""


class Terminal:
    """A command at a terminal of this size, of which it is the one that Ctrl-C reaches."""

    def __init__(self, ours: int, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.written = ""
        self._ours = ours
        self._reading = asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(1), self._read)

    @property
    def shows(self) -> list[str]:
        """The lines on it, above as well: what was erased or written over is gone."""
        lines, row, column = [""], 0, 0
        for sequence, kind, character in _PART.findall(self.written):
            if kind == "A":
                row = max(0, row - int(sequence or 1))
            elif kind == "K":
                lines[row] = ""
            elif character == "\r":
                column = 0
            elif character == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif character:
                lines[row] = f"{lines[row][:column]:{column}}{character}{lines[row][column + 1 :]}"
                column += 1
        return [line.rstrip() for line in lines]

    async def until(self, words: str) -> None:
        """Until it shows this."""

        async def not_yet() -> str:
            return "" if words in "\n".join(self.shows) else f"it shows {self.shows}"

        await until(f"{words!r} on the terminal", not_yet, within=PATIENCE)

    def types(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    async def ended(self) -> int:
        """Its exit code, once all that it wrote is read."""
        async with asyncio.timeout(PATIENCE):
            await self._reading
            return await self.process.wait()

    def _read(self) -> None:
        with open(self._ours, "rb", buffering=0, closefd=False) as file:
            while True:
                try:
                    part = file.read(65536)
                except OSError:  # the other end is closed
                    return
                self.written += part.decode(errors="replace")


@asynccontextmanager
async def at_a_terminal(
    variables: Mapping[str, str],
    *words: str,
    size: tuple[int, int] = (100, 40),
    command: Sequence[str] = STARTER,
) -> AsyncIterator[Terminal]:
    """Run a command with these words; `size` in columns and lines. It is ended with the block."""
    if shutil.which("setsid") is None:
        missing("setsid is not installed: apt-get install util-linux")
    columns, lines = size
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    kept = {name: value for name, value in variables.items() if name != "COLUMNS"}
    process = await asyncio.create_subprocess_exec(
        "setsid", "--ctty", *command, *words, cwd=ROOT, env={"TERM": "xterm", **kept},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    terminal = Terminal(ours, process)
    try:
        yield terminal
    finally:
        if process.returncode is None:
            process.kill()
        await terminal.ended()
        os.close(ours)
