"""Cleans text from outside for a workflow history: bounded, printable, and without secrets.

Activities clean log lines, error messages and response bodies before they return them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from models.redaction.known import KNOWN
from models.redaction.redact import redact as by_looks
from models.redaction.shapes import REDACTED
from models.text import shorten

LINE_LIMIT = 500
"""Characters of one line that are kept."""

_LOOKED_AT = 4096
"""Characters of one line that are redacted before it is cut to `LINE_LIMIT`."""

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"  # titles and links (OSC)
    r"|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"  # colours and cursor movements (CSI)
    r"|\x1b[ -/]{0,8}[0-~]?"
)
_BLANKS = re.compile(r"[^\S ]+")

_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{40,80}\s*")


def printable(text: str) -> str:
    """One line without escape sequences, control characters and characters that reorder or hide text."""
    return "".join(filter(str.isprintable, _BLANKS.sub(" ", _ESCAPES.sub("", text))))


def redact(text: str) -> str:
    """The text without the secrets that this process has read, and without what looks like one."""
    return by_looks(KNOWN.hide(text))


def clean(text: str, limit: int = LINE_LIMIT) -> str:
    """One line that may leave an activity: readable, redacted, then cut to `limit` characters."""
    return shorten(redact(printable(text[:_LOOKED_AT])), limit).strip()


def clean_lines(lines: Iterable[bytes]) -> list[str]:
    """Whole lines of a log, readable and redacted, each of at most 4,096 characters, in their order.

    A private key spans lines, so its body is hidden too, also when the log begins in its middle.
    """
    raw = [line[: 4 * _LOOKED_AT].decode("utf-8", errors="replace") for line in lines]
    hidden = _inside_keys(raw) | _below_names(raw)
    return [
        REDACTED if index in hidden else redact(printable(line[:_LOOKED_AT])).rstrip()
        for index, line in enumerate(raw)
    ]


def _inside_keys(lines: list[str]) -> set[int]:
    inside: set[int] = set()
    within = False
    for index, line in enumerate(lines):
        if _KEY_BEGINS.search(line):
            within = not _KEY_ENDS.search(line)
            continue  # redacted on its own, from where the key begins
        if _KEY_ENDS.search(line):
            inside.add(index)
            back = index - 1
            while back >= 0 and back not in inside and _KEY_BODY.fullmatch(lines[back].strip()):
                inside.add(back)
                back -= 1
            within = False
        elif within and _KEY_BODY.search(line):
            inside.add(index)
        else:
            within = False
    return inside


_NAME_ENDS = re.compile(
    r"(?:pass(?:word|wd|phrase|code|wort)|secret|token|(?:api|access|private|account)[_ -]?key)[\w.-]{0,40}"
    r"(?:[\"']?\s{0,3}(?:[:=]|=>)\s{0,3}[|>]?[+-]?|[\"'],?)\s{0,20}$",
    re.IGNORECASE,
)
_ONE_WORD = re.compile(r"\s*(?=\S{0,200}\d)[^\s{}\[\]]{8,}\s*")
"""One that may be a secret: codes of errors stand below `Unexpected token:` too, and have no digit."""


def _below_names(lines: list[str]) -> set[int]:
    """Lines that are one word, below a line that ends with the name of a secret."""
    return {
        index + 1
        for index, (line, below) in enumerate(itertools.pairwise(lines))
        if _NAME_ENDS.search(line.rstrip()[-200:]) and _ONE_WORD.fullmatch(below)
    }


def excerpt(line: str, begin: int, end: int, limit: int = LINE_LIMIT) -> str:
    """At most `limit` characters of the line, those around `begin` to `end`."""
    if end < limit:
        return shorten(line, limit)
    start = max(0, min(begin, end - limit + 2))
    return shorten("…" + line[start:], limit)
