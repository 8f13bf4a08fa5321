"""What an expression gives that should be a share."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 1.1
"""A share of a heap may be a little over 1, where the limit is not the whole truth."""


def no_share(expression: str, values: Iterable[float], most: float = 1.0) -> str:
    """Why its numbers are no shares; empty when they are."""
    wrong = next((one for one in values if not 0 <= one <= most), None)
    if wrong is None:
        return ""
    return f"`{expression}` gives {wrong:g}: a share is from 0 to 1, so correct the expression"
