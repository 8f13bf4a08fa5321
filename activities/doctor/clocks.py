"""How far apart two clocks are. Deadlines are told by one, and alerts begin by another."""

from __future__ import annotations

from datetime import timedelta

from models.base import in_words
from models.examined import Check, Kind

NOTICED = timedelta(seconds=3)
"""Less is the way of the question, and a time that is told in whole seconds."""
HARMFUL = timedelta(seconds=30)
"""Pages and deadlines are off by as much."""


def judged(name: str, ahead: timedelta, than: str = "ours", slack: timedelta = timedelta(0)) -> Check:
    """`ahead`: of the clock that is meant by `than`; `slack`: how long the answer may have taken."""
    off = max(timedelta(0), abs(ahead) - slack)
    if off <= NOTICED:
        return Check(name=name, ok=True)
    way = "ahead of" if ahead > timedelta(0) else "behind"
    problem = f"it is {in_words(off)} {way} {than}"
    cure = "synchronize both with NTP"
    optional = off < HARMFUL
    return Check(name=name, ok=False, problem=problem, cure=cure, kind=Kind.TROUBLE, optional=optional)
