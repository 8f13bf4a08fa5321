"""The blocks of the documentation that a reader pastes: each with its page, its language and its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^(`{3,})(\w*)\n(.*?)^\1$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block; `name` is the same while its page has no other block before it."""

    page: str
    number: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.number}"

    @property
    def lines(self) -> list[str]:
        """What a shell sees: a line that ends with a backslash goes on, and comments are left out."""
        whole = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [line.partition("  #")[0].strip() for line in whole if line.strip()]


def blocks(*languages: str) -> Iterator[Block]:
    """Of these languages, in the order of the pages."""
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        for number, found in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            if not languages or found[2] in languages:
                yield Block(name, number, found[2], found[3])
