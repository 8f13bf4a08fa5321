"""A reader needs no private language, and no document that is not in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NOT_READ = ("CHANGELOG.md", "tests/replay/histories/", "requirements.lock", "deploy/image.lock")
"""What has been written down as it was, and what tools write."""

MADE = {
    ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "var", "ci-output",
}  # fmt: skip
"""What is no part of the repository: what tools and runs leave behind."""

DOCUMENTS = re.compile(r"(?<![\w-])(?:runbook|RUNBOOKS|FIELD|DESIGN|FAULTS|PLATFORM|STYLE|MOVES)\.md\b")
PRIVATE_WORDS = re.compile(
    r"\b(?:door|house|hands|eyes|night|voice|presence|beginnings|seldom|outvoted|none too"
    r"|gone on with|tak(?:e|es|en|ing) back|taken_back|nobody can see|done for now|longer than nothing)\b"
    r"|\bknows: |runs .{1,40} since now|the port of this address is none|\b(?:Seldom|Flights|Beginnings)\b",
    re.IGNORECASE,
)


def texts() -> list[Path]:
    """Every text file of the repository but this one; a copy without git has the same."""
    tops = [path for path in ROOT.iterdir() if path.name not in MADE]
    paths = (path for top in tops for path in (top.rglob("*") if top.is_dir() else [top]))
    kept = (path for path in paths if not path.relative_to(ROOT).as_posix().startswith(NOT_READ))
    return [path for path in kept if path.is_file() and path.suffix != ".pyc" and path != Path(__file__)]


def found(pattern: re.Pattern[str], path: Path) -> list[str]:
    """Each line where the pattern matches, and the file's own name when it does."""
    name = path.relative_to(ROOT).as_posix()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return []
    at = [f"{name}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    return at + [name] * bool(pattern.search(name.replace("_", " ").replace("/", " ")))


def test_nothing_cites_a_document_that_is_not_here() -> None:
    assert [line for path in texts() for line in found(DOCUMENTS, path)] == []


def test_no_private_words() -> None:
    assert [line for path in texts() for line in found(PRIVATE_WORDS, path)] == []


@pytest.mark.parametrize(
    "sentence",
    ["gone on with", "X knows: done, by anna", "what is taken back", "backend runs web:2 since now"],
)
def test_the_pattern_knows_the_words(sentence: str) -> None:
    assert PRIVATE_WORDS.search(sentence)
