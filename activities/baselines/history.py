"""A long time of one series, asked for in parts that Prometheus answers easily.

A month at 5 minutes are some twenty answers of at most 500 points. Parts without data are gaps, and stay
gaps; a part that Prometheus refuses or does not answer ends it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import Field

from activities.monitoring.metrics import MetricKind, Point, QueryRange, SeriesSeen
from activities.monitoring.prometheus import MOST_POINTS, Prometheus
from models.base import Model
from models.service.addresses import WebAddress

MOST_PARTS = 100
_GAPS = (MetricKind.EMPTY, MetricKind.NOT_A_NUMBER, MetricKind.STALE)
WITHIN = timedelta(seconds=20)
"""For one part: long ranges are read from the disk."""


class Asked(Model):
    """One series over a long time, up to `until`."""

    url: WebAddress
    query: str
    over: timedelta
    step: timedelta
    until: datetime = Field(default_factory=lambda: datetime.now(UTC))


class LongSeries(Model):
    """Its points, oldest first; empty with the reason where there are none."""

    points: tuple[Point, ...] = ()
    wanted: timedelta = timedelta()
    step: timedelta = timedelta()
    reason: str = ""
    """Why there is no point, or nothing older."""

    @property
    def has(self) -> timedelta:
        """From the first point to the last."""
        return self.points[-1].at - self.points[0].at + self.step if self.points else timedelta()

    @property
    def covers(self) -> str:
        """`15 of 30 days`, where Prometheus has clearly less than it was asked for; else empty."""
        if not self.points or self.has > self.wanted - max(timedelta(days=1), 2 * self.step):
            return ""
        whole = self.has // timedelta(days=1)
        return f"{whole or 'less than 1'} of {self.wanted // timedelta(days=1)} days"


async def history(prometheus: Prometheus, asked: Asked) -> LongSeries:
    """All of it, the newest part first: a part that is refused leaves what is newer."""
    step = max(asked.step, asked.over / (MOST_PARTS * MOST_POINTS))
    part = (MOST_POINTS - 2) * step
    until, since = asked.until, asked.until - asked.over
    points: tuple[Point, ...] = ()
    empty = ""
    while until > since:
        over = min(part, until - since)
        seen = await _part(prometheus, asked, over, step, until)
        if seen.unknown and seen.kind not in _GAPS:
            return LongSeries(points=points, wanted=asked.over, step=step, reason=seen.reason)
        empty = seen.reason if seen.unknown else empty
        points = (*seen.points, *points)
        until -= over + step
    return LongSeries(points=points, wanted=asked.over, step=step, reason="" if points else empty)


async def _part(
    prometheus: Prometheus, asked: Asked, over: timedelta, step: timedelta, until: datetime
) -> SeriesSeen:
    request = QueryRange(url=asked.url, query=asked.query, over=over, step=step, until=until, within=WITHIN)
    return await prometheus.query_range(request)
