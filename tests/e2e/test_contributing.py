"""The tutorial and CONTRIBUTING, followed to the letter in copies of the repository: what each part costs."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.requirements import missing

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"^\*\*`([^`]+)`\*\*\n\n(`{3,})(\w+)\n(.*?)^\2$", re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"^```console\n(python -m .*?)^```$", re.DOTALL | re.MULTILINE)
"""The commands of a chapter: those that begin with this Python. Others are examples in a page."""

NEW = re.compile(r"^```console\n(python starter\.py new .*)\n```$", re.MULTILINE)
"""What lays down the files of a chapter, before they are replaced."""

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", ".pytest_cache", "var", "ci-output")
"""What is compiled already goes along: each command would compile it anew."""

NOT_SOURCES = shutil.ignore_patterns(".*_cache", ".hypothesis", "__pycache__", "ci-output")
WITHIN = 300
"""Seconds for one command. The longest starts a whole stack."""

COSTS = {
    "Add a runbook": {
        "workflows/runbooks/disk_filling.py",
        "workflows/runbooks/registry.py",
        "docs/runbooks/disk-filling.md",
        "tests/scenarios/disk_filling.py",
    },
    "Add evidence": {
        "activities/files/clean_up.py",
        "workflows/diagnosis/looks.py",
        "tests/integration/files/test_newest_log.py",
    },
    "Add an action": {
        "models/actions/surroundings.py",
        "activities/files/clean_up.py",
        "workflows/stewardship/execution.py",
        "docs/configure.md",
        "tests/unit/models/test_actions.py",
        "tests/unit/models/test_orders.py",
        "tests/integration/files/test_empty_log.py",
    },
}
"""The files that are new or different once a chapter was followed, and no other."""


@pytest.mark.parametrize("title", COSTS)
def test_a_chapter_costs_these_files_and_ends_green(title: str, tmp_path: Path) -> None:
    copy, chapter = tmp_path / "copy", chapter_of(title)
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    for line in NEW.findall(chapter):
        run(line, copy)
    for name, _, language, block in FILE.findall(chapter):
        file = copy / name
        file.write_text(patched(file.read_text(), block) if language == "diff" else block)
    (commands,) = CONSOLE.findall(chapter)
    for line in commands.splitlines():
        if "SKIPPED" in (said := run(line, copy)):
            missing(said)
    assert set(changed(copy)) == COSTS[title]


def chapter_of(title: str) -> str:
    """The tutorial; else from its heading to that of the next one: what is shown has headings of its own."""
    if title == "Add a runbook":
        return (ROOT / "docs" / "write-a-runbook.md").read_text(encoding="utf-8")
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    following = dict(zip(COSTS, [*COSTS, "Rules"][1:], strict=True))[title]
    return text.partition(f"\n## {title}\n")[2].partition(f"\n## {following}\n")[0]


def patched(text: str, diff: str) -> str:
    """The text with each part of the diff applied at the one place where it fits."""
    for part in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        lines = part.splitlines(keepends=True)
        before, after = ("".join(one[1:] for one in lines if one[0] != sign) for sign in "+-")
        assert text.count(before) == 1, f"there must be one place for:\n{part}"
        text = text.replace(before, after)
    return text


def changed(copy: Path) -> Iterator[str]:
    """What is new or different in the copy, without what tools leave behind."""
    for directory, folders, names in os.walk(copy):
        folders[:] = set(folders) - NOT_SOURCES(directory, folders)
        for name in names:
            path = (Path(directory) / name).relative_to(copy)
            original = ROOT / path
            if not original.exists() or original.read_bytes() != (copy / path).read_bytes():
                yield path.as_posix()


def run(line: str, copy: Path) -> str:
    """One command in the copy, by the Python of this process; what it says."""
    python, *arguments = shlex.split(line)
    assert python == "python", line
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI_"))}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=ours,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout
