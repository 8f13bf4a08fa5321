"""Two weeks of requests by endpoint, and how they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

SURE = 2.6
"""Standard errors between two shares that are hardly by chance: one time in a hundred."""
WORSE = 1.5
"""So many times its share of the week before."""
FEWEST_ERRORS = 5


class Change(StrEnum):
    """How a route differs from the week before."""

    NEW = "new"
    GONE = "gone"
    QUIET = "too little traffic"
    WORSE = "worse"
    BETTER = "better"
    SAME = "as before"


@dataclass(frozen=True)
class Counts:
    """Requests, and those of them that failed."""

    every: float = 0.0
    failed: float = 0.0

    @property
    def share(self) -> float:
        return self.failed / self.every if self.every > 0 else 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.every + other.every, self.failed + other.failed)


@dataclass(frozen=True)
class Route:
    """One endpoint, this week and the one before."""

    name: str
    now: Counts
    before: Counts
    change: Change


def counted(series: Sequence[tuple[str, str, float]]) -> dict[str, Counts]:
    """By route, of route, status and number of requests."""
    found: dict[str, Counts] = {}
    for route, status, number in series:
        failed = number if status.startswith("5") else 0.0
        found[route] = found.get(route, Counts()) + Counts(number, failed)
    return found


def compared(now: Mapping[str, Counts], before: Mapping[str, Counts], fewest: int) -> list[Route]:
    """Every route of both weeks, the highest share of errors first; those with little traffic last."""
    routes = []
    for name in sorted({*now, *before}):
        this, last = now.get(name, Counts()), before.get(name, Counts())
        if this.every < 0.5 and last.every < 0.5:
            continue
        routes.append(Route(name, this, last, _change(this, last, fewest)))
    return sorted(
        routes, key=lambda one: (one.change is Change.QUIET, -one.now.share, -one.now.every, one.name)
    )


def _change(now: Counts, before: Counts, fewest: int) -> Change:
    if now.every < 0.5 and before.every >= fewest:
        return Change.GONE
    if before.every < 0.5 and now.every >= fewest:
        return Change.NEW
    if now.every < fewest or before.every < fewest:
        return Change.QUIET
    if now.failed >= FEWEST_ERRORS and now.share > WORSE * before.share and _differ(now, before):
        return Change.WORSE
    if before.failed >= FEWEST_ERRORS and before.share > WORSE * now.share and _differ(before, now):
        return Change.BETTER
    return Change.SAME


def _differ(one: Counts, other: Counts) -> bool:
    """Whether two shares differ by more than chance makes likely."""
    both = (one + other).share
    error = math.sqrt(both * (1 - both) * (1 / one.every + 1 / other.every))
    return error == 0 or abs(one.share - other.share) / error > SURE
