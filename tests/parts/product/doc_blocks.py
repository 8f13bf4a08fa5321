"""The blocks of the documentation that a reader pastes: each with its page, its language and its place."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    def run(self, names: dict[str, Any]) -> None:
        """Execute it as Python, with these names."""
        exec(compile(self.text, self.name, "exec"), names)

    async def run_within(self, names: dict[str, Any], *, meanwhile: Callable[..., Awaitable[None]]) -> None:
        """Execute what belongs into an asynchronous function; where it says `...`, `meanwhile` is awaited
        with its local names."""
        body = self.text.replace("...", "await meanwhile(locals())", 1)
        pasted = f"async def pasted():\n{textwrap.indent(body, '    ')}"
        exec(compile(pasted, self.name, "exec"), names := {**names, "meanwhile": meanwhile})
        await names["pasted"]()

    @property
    def lines(self) -> list[str]:
        """What a shell sees: a line that ends with a backslash goes on, and comments are left out."""
        whole = re.sub(r"\\\n\s*", "", self.text).splitlines()
        return [line.partition("  #")[0].strip() for line in whole if line.strip()]


def python_of(page: str) -> Block:
    """The one Python block of this page."""
    (block,) = (one for one in blocks("python") if one.page == page)
    return block


def blocks(*languages: str) -> Iterator[Block]:
    """Of these languages, in the order of the pages."""
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        for number, found in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8")), 1):
            if not languages or found[2] in languages:
                yield Block(name, number, found[2], found[3])
