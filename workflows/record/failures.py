"""A failure in one line, for the timeline and for people."""

from __future__ import annotations


def in_short(error: BaseException) -> str:
    """The first cause: the wrapper only says that something failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
