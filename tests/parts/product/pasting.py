"""A page's commands as its reader pastes them, in a fresh clone; and what is not pasted, with its reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.host.own_machine import Ended, OwnMachine
from tests.parts.product.doc_blocks import ROOT, blocks
from tests.parts.requirements import missing

ACTIVATED = ". .venv/bin/activate"
DONE = (0,)


def fresh_clone(copy: Path) -> None:
    """What is committed and what is changed since, with the virtual environment that `make venv` made."""
    if not (ROOT / ".git").exists():
        missing("only a git repository can be cloned")
    if not (Path(sys.prefix) / "installed").exists():
        missing("the tests do not run in the virtual environment of `make venv`")
    trusting = ["git", "-c", "safe.directory=*"]
    subprocess.run([*trusting, "clone", "--quiet", str(ROOT), str(copy)], check=True)
    changed = subprocess.run(
        [*trusting, "diff", "HEAD", "--binary"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    if changed:
        subprocess.run(["git", "apply"], cwd=copy, input=changed, check=True)
    (copy / ".venv").symlink_to(Path(sys.prefix))
    os.utime(copy / "requirements.lock", (0, 0))  # as it was when `make venv` installed it


@dataclass
class Page:
    """The lines of one page that a shell takes, each to be pasted once."""

    name: str
    machine: OwnMachine
    setting: str = ACTIVATED
    """What the reader's terminal has done before."""
    left: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.left = [line for one in blocks("console") if one.page == self.name for line in one.lines]

    async def paste(
        self,
        line: str,
        shows: str = "",
        *,
        expect: Iterable[int] = DONE,
        instead: tuple[str, str] = ("", ""),
        answer: str = "",
        setting: str = "",
    ) -> Ended:
        """Paste this line, which must stand in the page; with a name of this run `instead` of the page's."""
        self.strike(line)
        pasted = f"{setting or self.setting}\n{line.replace(*instead)}"
        if goes_on := re.search(r" (--)?watch\b| worker.py ", line):
            ended = await self.machine.watched(pasted, shows)
        else:
            ended = await self.machine.runs(pasted, answer)
        told = f"{self.name}: {line}\nended with {ended.code}:\n{ended.said[-3000:]}"
        assert goes_on or ended.code in expect, told
        assert "Traceback" not in ended.said, told
        assert shows in ended.said, told
        return ended

    def strike(self, line: str) -> None:
        """It is pasted, or judged in another way."""
        assert line in self.left, f"{self.name} has no such line (any more): {line}"
        self.left.remove(line)

    def first(self, start: str) -> str:
        """The next line that begins so and was not pasted."""
        return next(line for line in self.left if line.startswith(start))


@dataclass(frozen=True)
class NotPasted:
    """Lines that no test machine can run: why, and what is looked at instead."""

    lines: str
    """A regular expression that the whole line matches."""
    reason: str
    check: Callable[[OwnMachine, str], Iterable[str]]
    """The commands of a shell that must succeed in its place, in the clone."""

    def takes(self, line: str) -> bool:
        return re.fullmatch(self.lines, line) is not None
