"""The memory of one service from Prometheus: how full its heap is, how it became so, and its caches.

Judged by what the heap holds after its collections of garbage, and only since its process was started.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import dropwhile
from statistics import fmean

from temporalio import activity

from activities.monitoring.heap_shape import FEWEST, Shape, Trend, trend
from activities.monitoring.metrics import LabelledValue, Point, QueryByLabel, QueryRange, SeriesSeen
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.shares import MOST, no_share
from activities.support.metric_watch import watch_metric
from models.base import in_bytes, in_words
from models.evidence.evidence import Evidence, Finding, Measured, VerificationRequest, VerificationResult
from models.service.request import ServiceRequest
from models.service.service import Service
from models.service.surroundings import ErrorMetrics

POINTS = 480
SCRAPED_WITHIN = timedelta(minutes=5)
"""So long Prometheus repeats a sample."""
HALF = 0.5
"""The share of the heap's growth above which the caches explain it."""
LEAST_SEEN = 1 / 12
"""The share of the window for which a growth must be seen before anything is foretold by it."""
SMALL = 0.02
"""A growth by less than this share of the heap is none."""
BUSIER = 2.0
"""Traffic that is not so many times as much explains no memory: less is daily life."""

_BY_WHAT_IT_TOOK = re.compile(r"/[\s\w(),]*heap_(?:size_)?total(?:_bytes)?\b")


class LookAtMemory(ServiceRequest):
    """How the heap is, and was since `started_at`. `over` is another window than the configured one."""

    started_at: datetime | None = None
    over: timedelta | None = None


class MemorySeen(Evidence):
    """`bad` when the heap holds more than it may, or grows and is full soon. Shares are from 0 to 1."""

    share: float | None = None
    floor: float | None = None
    """The least of the last minutes: what no collection of garbage gives back."""
    full: float | None = None
    """The share above which it is too full."""
    limit: int | None = None
    """Bytes that the heap may have, by what the process itself reports; None where that is not known."""
    trend: Trend = Trend()
    """Of the share: its slope is the growth in an hour."""
    since: datetime | None = None
    """Since when the samples are of one process."""
    over: timedelta = timedelta()
    """How long the samples were seen."""
    certain: bool = False
    """It grows without a doubt, and was seen to do so for long enough to say when it is full."""
    full_in: timedelta | None = None
    """When a growth reaches the limit."""
    traffic_grew: float | None = None
    """How many times the requests of the beginning come at the end; None where that is not known."""

    @property
    def measured(self) -> Measured | None:
        return None if self.share is None else Measured("heap in use", 100 * self.share, "%")

    @property
    def grows(self) -> bool:
        return self.trend.grows

    @property
    def jumped(self) -> bool:
        """It took more at one moment, and holds it."""
        return self.trend.shape is Shape.STEP

    @property
    def rose(self) -> bool:
        """In whatever way."""
        return self.trend.shape in (Shape.GROWTH, Shape.STEP, Shape.UNCLEAR)

    @property
    def grows_with_traffic(self) -> bool:
        """There is as much more to do as there is more memory in use."""
        if self.traffic_grew is None or self.trend.now is None or self.traffic_grew < BUSIER:
            return False
        before = self.trend.now - self.trend.grown
        return before > 0 and self.traffic_grew >= self.trend.now / before


class CachesSeen(Evidence):
    """The caches, in bytes, beside the heap; `bad` when they are what the heap grew by."""

    total: int | None = None
    grown: int = 0
    heap_grown: int = 0
    largest: tuple[LabelledValue, ...] = ()
    trend: Trend = Trend()


class MemoryActivities:
    """Judges the memory of one service by its configured thresholds."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_memory(self, request: LookAtMemory) -> MemorySeen:
        """How full the heap is, how it became so, and when it is full."""
        metrics = request.service.metrics
        if metrics is None:
            return _unknown(f"no metrics are configured for {request.service.name}")
        if _BY_WHAT_IT_TOOK.search(metrics.heap):
            return _unknown(
                "`metrics.heap` divides by what the heap has taken so far, which is nearly all in use at any"
                " time: divide by its limit"
            )
        series, traffic, used = await asyncio.gather(
            *(
                self._range(metrics, one, request)
                for one in (metrics.heap, metrics.traffic, metrics.memory.used)
            )
        )
        seen = _judged(metrics, series, request.started_at)
        counted_since = request.started_at and request.started_at + 2 * metrics.window
        busier = _times(_of_this_process(traffic.points, counted_since))
        more = {"traffic_grew": busier, "limit": _limit(series.points, used.points)}
        return seen if seen.unknown else seen.model_copy(update=more)

    @activity.defn
    async def look_at_caches(self, request: LookAtMemory) -> CachesSeen:
        """How large the caches are, and whether the heap grew by them."""
        metrics, now = request.service.metrics, datetime.now(UTC)
        if metrics is None or not metrics.memory.caches:
            reason = f"no metric of its caches is configured for {request.service.name}"
            return CachesSeen(reason=reason, observed_at=now)
        caches = metrics.memory.caches
        by_cache = QueryByLabel(url=metrics.prometheus, query=caches, label="cache", top=5)
        largest, together, used = await asyncio.gather(
            self._prometheus.query_by_label(by_cache),
            self._range(metrics, f"sum({caches})", request),
            self._range(metrics, metrics.memory.used, request),
        )
        for series in (together, used):
            if wrong := _stale(metrics, series):
                return CachesSeen(reason=wrong, observed_at=now)
        return _beside(
            _of_this_process(together.points, request.started_at),
            _of_this_process(used.points, request.started_at),
            largest.values,
        )

    @activity.defn
    async def watch_memory(self, request: VerificationRequest) -> VerificationResult:
        """Sample until the heap stayed under its threshold for the window."""
        return await watch_metric(
            request,
            partial(self._level, request.service),
            lambda metrics: f"under {metrics.memory.full:.0%} of the heap",
        )

    async def _level(self, service: Service, metrics: ErrorMetrics) -> MemorySeen:
        short = LookAtMemory(service=service, over=2 * metrics.memory.floor_over)
        series = await self._range(metrics, metrics.heap, short)
        seen = _judged(metrics, series, None)
        high = seen.floor is not None and seen.floor >= metrics.memory.full
        finding = seen.finding if seen.unknown else Finding.BAD if high else Finding.OK
        return seen.model_copy(update={"finding": finding})

    async def _range(self, metrics: ErrorMetrics, query: str, request: LookAtMemory) -> SeriesSeen:
        over = request.over or metrics.heap_window
        return await self._prometheus.query_range(
            QueryRange(url=metrics.prometheus, query=query, over=over, step=over / POINTS)
        )


def _judged(metrics: ErrorMetrics, series: SeriesSeen, started_at: datetime | None) -> MemorySeen:
    """What the shares of the heap say."""
    if wrong := _stale(metrics, series):
        return _unknown(wrong)
    if wrong := no_share("metrics.heap", (one.value for one in series.points), MOST):
        return _unknown(wrong)
    points = _of_this_process(series.points, started_at)
    if not points:
        return _unknown("there is no sample of the heap since its process was started")
    memory, last = metrics.memory, points[-1]
    floor = min(one.value for one in points if one.at >= last.at - memory.floor_over)
    seen_for = last.at - points[0].at
    shape = trend(points, metrics.heap_growth) if len(points) >= FEWEST else Trend()
    full_in = shape.reaches(1.0)
    certain = shape.sure and shape.over >= LEAST_SEEN * metrics.heap_window
    soon = certain and full_in is not None and full_in <= memory.urgent_within
    return MemorySeen(
        finding=Finding.BAD if soon or floor >= memory.full else Finding.OK,
        reason=_in_words(last.value, floor, shape, seen_for, full_in),
        observed_at=datetime.now(UTC),
        share=last.value,
        floor=floor,
        full=memory.full,
        trend=shape,
        since=points[0].at,
        over=seen_for,
        certain=certain,
        full_in=full_in,
    )


def _in_words(
    share: float, floor: float, shape: Trend, seen_for: timedelta, full_in: timedelta | None
) -> str:
    words = f"{share:.0%} of the heap in use"
    if share - floor >= 0.01:
        words += f", {floor:.0%} after a collection"
    if shape.shape is Shape.UNKNOWN:
        return f"{words}; seen for {in_words(seen_for)} only, too short for a trend"
    if shape.grows:
        words += f", growing by {shape.grown:.0%} in {in_words(shape.over)} (fit {shape.fit or 0:.2f})"
        return f"{words}, full in {in_words(full_in)} at this pace" if full_in is not None else words
    if shape.levels_off:
        return f"{words}, which grew by {shape.grown:.0%} and levels off"
    if shape.shape is Shape.STEP and shape.since:
        return f"{words}, which jumped by {shape.grown:.0%} at {shape.since:%H:%M:%S} UTC, and stays"
    if shape.shape is Shape.UNCLEAR:
        return (
            f"{words}, {shape.grown:.0%} more than {in_words(shape.over)} ago, neither steadily nor at once"
        )
    return f"{words}, steady for {in_words(seen_for)}"


def _beside(caches: Sequence[Point], heap: Sequence[Point], largest: tuple[LabelledValue, ...]) -> CachesSeen:
    """The growth of the caches beside that of the heap, both from the lowest level on."""
    now = datetime.now(UTC)
    if len(caches) < FEWEST or len(heap) < FEWEST:
        return CachesSeen(reason=f"only {min(len(caches), len(heap))} samples of the caches", observed_at=now)
    total, used = caches[-1].value, heap[-1].value
    if total < 0 or total > MOST * used:
        reason = f"`memory.caches` gives {total:.0f}, and the heap has {in_bytes(int(used))}: it needs bytes"
        return CachesSeen(reason=reason, observed_at=now)
    held, kept = (trend(points, SMALL * used) for points in (heap, caches))
    explains = held.grown > SMALL * used and kept.grown >= HALF * held.grown
    named = ", ".join(f"{one.label} {in_bytes(int(one.value))}" for one in largest[:3])
    more, heap_more = (in_bytes(max(0, int(one.grown))) for one in (kept, held))
    beside = f"{more} more, where the heap has {heap_more} more"
    return CachesSeen(
        finding=Finding.BAD if explains else Finding.OK,
        reason=f"the caches hold {in_bytes(int(total))}, {beside}{f': {named}' if named else ''}",
        observed_at=now,
        total=int(total),
        grown=int(kept.grown),
        heap_grown=int(held.grown),
        largest=largest,
        trend=kept,
    )


def _of_this_process(points: Sequence[Point], started_at: datetime | None) -> Sequence[Point]:
    """What an earlier process held says nothing of this one, and Prometheus repeats its last sample until
    the new one is scraped."""
    if started_at is None:
        return points
    since = [one for one in points if one.at >= started_at]
    scraped_by = started_at + SCRAPED_WITHIN
    return list(dropwhile(lambda one: one.value == since[0].value and one.at <= scraped_by, since))


def _limit(shares: Sequence[Point], used: Sequence[Point]) -> int | None:
    """What is in use is this share of it."""
    return int(used[-1].value / shares[-1].value) if shares and used and shares[-1].value > 0 else None


def _times(points: Sequence[Point]) -> float | None:
    """How many times the first quarter the last one is."""
    quarter = len(points) // 4
    if not quarter:
        return None
    before, after = (fmean(one.value for one in part) for part in (points[:quarter], points[-quarter:]))
    return after / before if before > 0 else None


def _stale(metrics: ErrorMetrics, series: SeriesSeen) -> str:
    """Why a series says nothing of now; empty when it does."""
    if not series.points:
        return series.reason
    old = datetime.now(UTC) - series.points[-1].at
    return "" if old <= metrics.fresh_for else f"the newest sample is {in_words(old)} old"


def _unknown(reason: str) -> MemorySeen:
    return MemorySeen(reason=reason, observed_at=datetime.now(UTC))
