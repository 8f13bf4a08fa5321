"""How far back the data of a Prometheus go, whatever its settings promise."""

from __future__ import annotations

from datetime import timedelta

from activities.monitoring.metrics import QueryMetric
from activities.monitoring.prometheus import Prometheus

ANYTHING = "count(up) or count(ALERTS)"
"""Of every target that was ever scraped there is `up`; a server that scrapes none may have alerts."""
STEPS = 8
"""The time is halved so often: of 15 days, it is told to an hour and a half."""


async def goes_back(
    prometheus: Prometheus, query: QueryMetric, now: float, wanted: timedelta
) -> timedelta | None:
    """For how long there are data without a break to now, at most `wanted`. None where there are none now.

    `now` is by Prometheus' own clock. Raises `NotKnown`.
    """
    asked = query.model_copy(update={"query": ANYTHING})
    if not await prometheus.series(asked, now):
        return None
    seen, unseen = 0.0, wanted.total_seconds()
    if await prometheus.series(asked, now - unseen):
        return wanted
    for _ in range(STEPS):
        middle = (seen + unseen) / 2
        if await prometheus.series(asked, now - middle):
            seen = middle
        else:
            unseen = middle
    return timedelta(seconds=round(seen))
