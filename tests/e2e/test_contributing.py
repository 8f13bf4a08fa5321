"""CONTRIBUTING, followed to the letter in a copy of the repository: a new runbook costs four files."""

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
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTION = TEXT.partition("\n## Add a runbook\n")[2].partition("\n## Add evidence\n")[0]
FILE = re.compile(r"^\*\*`([^`]+)`\*\*\n\n(`{3,})(\w+)\n(.*?)^\2$", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"^### See that it works\n\n```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".pytest_cache", "var", "ci-output")
NOT_SOURCES = shutil.ignore_patterns(".*_cache", ".hypothesis", "__pycache__", "ci-output")
FOUR_FILES = {
    "workflows/runbooks/disk_filling.py",
    "workflows/runbooks/registry.py",
    "docs/runbooks/disk-filling.md",
    "tests/scenarios/disk_filling.py",
}
WITHIN = 300
"""Seconds for one command. The longest starts a whole stack."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the example of CONTRIBUTING written into it."""
    copy = tmp_path_factory.mktemp("contributing") / "copy"
    shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
    for name, _, language, block in FILE.findall(SECTION):
        file = copy / name
        file.write_text(patched(file.read_text(), block) if language == "diff" else block)
    return copy


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


def test_a_new_runbook_costs_four_files_and_is_green(copy: Path) -> None:
    block = COMMANDS.search(SECTION)
    assert block is not None
    for line in block[1].splitlines():
        said = run(line, copy)
        if "SKIPPED" in said:
            missing(said)
    assert set(changed(copy)) == FOUR_FILES


def run(line: str, copy: Path) -> str:
    """One command in the copy, by the Python of this process; what it says."""
    python, *arguments = shlex.split(line)
    assert python == "python", line
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI_"))}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=ours | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout
