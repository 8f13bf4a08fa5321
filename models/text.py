"""Text from outside, made fit for where it is shown: one function for each target."""

from __future__ import annotations

import re
import unicodedata

_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_TEMPORAL_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&])")
_MARKDOWN = re.compile(r"([\\`*\[\]|~$])|(?<![A-Za-z0-9])(_)|(_)(?![A-Za-z0-9])")
_BLOCK_START = re.compile(r"^(\d{1,9})([.)])(?!\S)|^([#+=-])")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters; a cut is shown by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str, instead: str = "", kept: str = "") -> str:
    """Without control, direction and zero-width characters, but for those that are `kept`."""
    if text.isprintable():  # as most texts are: a page has thousands
        return text
    return "".join(instead if c not in kept and unicodedata.category(c) in _INVISIBLE else c for c in text)


def plain(text: str, most: int = 300) -> str:
    """One printable line, for an error body, a log line or a terminal."""
    return shorten("".join(character if character.isprintable() else "�" for character in text), most)


def for_temporal_ui(text: str, most: int = 500) -> str:
    """One line in the Markdown of the Temporal UI, in which nothing is markup."""
    return _TEMPORAL_MARKUP.sub(r"\\\1", " ".join(text.split())[:most])


def for_markdown(text: str) -> str:
    """One line of a Markdown page: no markup, no HTML, no list or heading, no invisible characters."""
    line = " ".join(visible(text, instead=" ").split())
    line = _MARKDOWN.sub(lambda found: f"\\{found[0]}", line.translate(_ENTITIES))
    return _BLOCK_START.sub(lambda found: f"{found[1] or ''}\\{found[2] or found[3]}", line)
