"""How the heap of a process grows, beside how that of the process before it did.

A restart empties a heap and repairs no leak: whether it grows as before is the proof of either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import StatisticsError, correlation

from temporalio import activity

from activities.monitoring.heap_shape import FEWEST, Shape, Trend, trend
from activities.monitoring.memory import LookAtMemory, MemoryActivities, MemorySeen
from activities.monitoring.metrics import Point, QueryRange
from activities.monitoring.prometheus import Prometheus
from models.base import in_words
from models.evidence.evidence import Finding
from models.service.surroundings import ErrorMetrics

POINTS = 240
FOLLOWS = 0.8
"""The least correlation of what grows with the traffic: a leak goes on while that falls."""
AS_BEFORE = 0.5
"""A growth at this share of the pace of before, or a faster one, is still the same."""


class GrowthSeen(MemorySeen):
    """`bad` while the heap of this process grows. `before` is the trend of the process before it."""

    before: Trend = Trend()
    follows: float | None = None
    """The correlation of the heap with the requests; None where that is not known."""

    @property
    def grows_with_traffic(self) -> bool:
        """There is as much more to do, and the heap went up and down with it."""
        return super().grows_with_traffic and self.follows is not None and self.follows >= FOLLOWS

    @property
    def steady_before(self) -> bool:
        """The process before it is known, and did not grow."""
        return self.before.shape is Shape.STEADY

    @property
    def as_before(self) -> bool:
        """Both grow, at about the same pace."""
        now, then = self.trend.slope, self.before.slope
        if not (self.grows and self.before.grows) or now is None or then is None:
            return False
        return now >= AS_BEFORE * then

    @property
    def compared(self) -> str:
        """Both trends, in one sentence."""
        return f"{_pace(self.trend)} in {in_words(self.over)}, and {_pace(self.before)} before"


class GrowthActivities:
    """Compares two processes of one service."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._memory = MemoryActivities(prometheus)

    @activity.defn
    async def look_at_growth(self, request: LookAtMemory) -> GrowthSeen:
        """Since its process was started, if that was within the longest watch; else over the usual time."""
        metrics = request.service.metrics
        if metrics is None:
            reason = f"no metrics are configured for {request.service.name}"
            return GrowthSeen(reason=reason, observed_at=datetime.now(UTC))
        watch = metrics.memory.watch
        finer = metrics.model_copy(update={"heap_growth": watch.growth})
        seen = await self._memory.look_at_memory(
            LookAtMemory(
                service=request.service.model_copy(update={"metrics": finer}),
                started_at=request.started_at,
                over=_over(metrics, request.started_at),
            )
        )
        if seen.unknown:
            return GrowthSeen(**dict(seen))
        before, follows = await asyncio.gather(
            self._before(metrics, request.started_at), self._follows(metrics, request.started_at)
        )
        grows = seen.model_copy(update={"finding": Finding.BAD if seen.grows else Finding.OK})
        found = GrowthSeen(**{**dict(grows), "before": before, "follows": follows})
        known = before.shape is not Shape.UNKNOWN
        reason = f"{seen.reason}; {_pace(before)} before its last start" if known else seen.reason
        return found.model_copy(update={"reason": reason})

    async def _follows(self, metrics: ErrorMetrics, started_at: datetime | None) -> float | None:
        """Both at the same moments, once the traffic of this process is known."""
        now = datetime.now(UTC)
        over = _over(metrics, started_at)
        counted = min(over, now - started_at - 2 * metrics.window) if started_at else over
        if counted <= timedelta():
            return None
        heap, traffic = await asyncio.gather(
            *(
                self._prometheus.query_range(
                    QueryRange(
                        url=metrics.prometheus, query=query, over=counted, step=counted / POINTS, until=now
                    )
                )
                for query in (metrics.heap, metrics.traffic)
            )
        )
        requests = {one.at: one.value for one in traffic.points}
        pairs = [(one.value, requests[one.at]) for one in heap.points if one.at in requests]
        try:
            return correlation(*zip(*pairs, strict=True)) if len(pairs) >= FEWEST else None
        except StatisticsError:  # one of them never changes
            return None

    async def _before(self, metrics: ErrorMetrics, started_at: datetime | None) -> Trend:
        """Up to its start; unknown where nobody knows of that, or Prometheus has no samples so old."""
        watch = metrics.memory.watch
        if started_at is None:
            return Trend()
        series = await self._prometheus.query_range(
            QueryRange(
                url=metrics.prometheus,
                query=metrics.heap,
                over=watch.over,
                step=watch.over / POINTS,
                until=started_at - watch.every,
            )
        )
        return _of_those_before(series.points, watch.growth)


def _of_those_before(points: Sequence[Point], least: float) -> Trend:
    """What comes down at its end, as by another restart, may have grown before that."""
    parts = [trend(points[: int(len(points) * share)], least) for share in (1.0, 0.75, 0.5)]
    return next((one for one in parts if one.grows), parts[0])


def _over(metrics: ErrorMetrics, started_at: datetime | None) -> timedelta:
    watch = metrics.memory.watch
    if started_at is None:
        return watch.over
    age = datetime.now(UTC) - started_at
    return age + metrics.fresh_for if watch.over < age <= watch.after_fix + watch.over else watch.over


def _pace(growth: Trend) -> str:
    if growth.shape is Shape.UNKNOWN:
        return "unknown"
    if growth.grows and growth.slope is not None:
        return f"it grew by {growth.slope:.1%} of its limit in an hour"
    if growth.shape is Shape.STEP:
        return f"it jumped by {growth.grown:.0%}"
    if growth.levels_off:
        return f"it grew by {growth.grown:.0%} and levelled off"
    return "it was steady" if growth.shape is Shape.STEADY else "it rose in no clear way"
