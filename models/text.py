"""Text from outside, made fit for one line of JSON, a log or a terminal."""

from __future__ import annotations


def plain(text: str, most: int = 300) -> str:
    """One printable line of at most `most` characters, for an error body or a log line."""
    line = "".join(character if character.isprintable() else "�" for character in text)
    return line if len(line) <= most else line[: most - 1] + "…"
