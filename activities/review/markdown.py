"""Markdown for text from outside: shown literally, without effect on the text around it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from models.text import for_markdown, visible

_URL_SAFE = "%/:=&?~#+!$,;'@*[]"


def is_web(url: str) -> bool:
    """Whether it is an http(s) address: nothing else may become a link."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)


def link(name: str, url: str) -> str:
    """A link for an http(s) address; any other address stays text."""
    if not is_web(url):
        return f"{for_markdown(name)}: {for_markdown(url)}"
    return f"[{for_markdown(name)}](<{quote(url, safe=_URL_SAFE, errors='replace')}>)"


def fenced(lines: Iterable[str]) -> str:
    """A block of verbatim lines, in a fence longer than any run of backticks inside it."""
    body = [visible(line.expandtabs(4)).rstrip() for line in lines]
    longest = max((len(run) for line in body for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join((f"{fence}text", *body, fence))
