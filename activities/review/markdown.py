"""Text from outside inside a Markdown page: it is shown as it is, and changes nothing around it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

_SYNTAX = re.compile(r"([\\`*\[\]|~$])|(?<![A-Za-z0-9])(_)|(_)(?![A-Za-z0-9])")
_BLOCK_START = re.compile(r"^(\d{1,9})([.)])|^([#+=-])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_URL_SAFE = "%/:=&?~#+!$,;'@*[]"


def said(text: str) -> str:
    """One line of plain text: no markup, no HTML, no list or heading, no invisible characters."""
    line = " ".join(_visible(text, instead=" ").split())
    line = _SYNTAX.sub(lambda found: f"\\{found[0]}", line.translate(_ENTITIES))
    return _BLOCK_START.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", line)


def link(name: str, url: str) -> str:
    """A link, if the address is one of the web; anything else stays text."""
    try:
        web = urlsplit(url).scheme in ("http", "https")
    except ValueError:
        web = False
    if not web:
        return f"{said(name)}: {said(url)}"
    return f"[{said(name)}](<{quote(url, safe=_URL_SAFE, errors='replace')}>)"


def fenced(lines: Iterable[str]) -> str:
    """A block of verbatim lines, in a fence longer than any run of backticks inside it."""
    body = [_visible(line.expandtabs(4), instead="").rstrip() for line in lines]
    longest = max((len(run) for line in body for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((f"{fence}text", *body, fence))


def _visible(text: str, instead: str) -> str:
    return "".join(instead if unicodedata.category(c) in _INVISIBLE else c for c in text)
