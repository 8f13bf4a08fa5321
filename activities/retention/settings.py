"""What Prometheus says of its retention: by time, by size, or both; the first that is reached counts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from models.base import in_bytes, in_days

USUAL = timedelta(days=15)
"""What it keeps where nobody says anything."""

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_SIZES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40, "P": 2**50, "E": 2**60}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGTPE]?)i?B")
_LONGEST = 10**11
"""Seconds, some 3,000 years: longer is for ever."""


@dataclass(frozen=True)
class Retention:
    """None: without this limit."""

    time: timedelta | None = None
    size: int | None = None

    def __str__(self) -> str:
        parts = []
        if self.time is not None:
            parts.append(in_days(self.time))
        if self.size is not None:
            parts.append(in_bytes(self.size))
        return " or ".join(parts) or "without an end"


def retention_in(text: str) -> Retention | None:
    """Read `15d`, `10GiB` or `2w or 512MB`; None for what is neither."""
    time, size = None, None
    for part in text.split(" or "):
        word = part.strip()
        if (seconds := _seconds(word)) is not None:
            time = seconds
        elif match := _SIZE.fullmatch(word):
            size = int(float(match[1]) * _SIZES[match[2]])
        else:
            return None
    # 0 stands for a limit that is not set; a size alone takes the place of the usual time.
    return Retention(time or None, size or None) if time or size else Retention(USUAL)


def _seconds(word: str) -> timedelta | None:
    parts = _PART.findall(word)
    if word != "0" and (not parts or "".join(number + unit for number, unit in parts) != word):
        return None
    return timedelta(seconds=min(sum(int(number) * _UNITS[unit] for number, unit in parts), _LONGEST))
