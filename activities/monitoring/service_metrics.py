"""What Prometheus knows of one service: its errors, its memory, its CPU.

`runbook.md`, HighErrorRate: "Verify error rate", "Heap growing steadily". No traffic, no samples
and no Prometheus are `unknown`: never healthy, and never a reason to act.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import StatisticsError, correlation, linear_regression

from temporalio import activity

from activities.monitoring.metrics import (
    LabelledValue,
    MetricSeen,
    Point,
    QueryByLabel,
    QueryMetric,
    QueryRange,
)
from activities.monitoring.prometheus import Prometheus
from activities.support.stability import Pace
from activities.support.watch import watch
from models.base import in_words
from models.evidence.evidence import Evidence, Finding, Watched, WatchService
from models.service.service import Service
from models.service.surroundings import ErrorMetrics

SAMPLE_EVERY = timedelta(seconds=5)
"""And more often only in a window so short that three looks would not fit."""
GROWS_STEADILY = 0.8
"""The least R² of a leak: memory that goes up and down does not fit a line."""
FEWEST_POINTS = 5
POINTS = 480
"""Over two hours, one each quarter of a minute."""


class ErrorsSeen(Evidence):
    """The share of requests that answer 5xx. Without traffic nobody knows: `unknown`."""

    ratio: float | None = None
    threshold: float | None = None
    traffic: float | None = None
    """Requests a second."""
    routes: tuple[LabelledValue, ...] = ()
    """The routes that fail most, the worst first."""
    since: datetime | None = None
    """When the ratio rose above the threshold, as far as the last hours show."""


class HeapSeen(Evidence):
    """The share of the heap in use, and whether it grows: the slope of a straight line and its fit."""

    share: float | None = None
    slope: float | None = None
    """Growth of the share in an hour."""
    fit: float | None = None
    """R² of the line: 1 is steady growth."""
    full_in: timedelta | None = None
    """When the line reaches the limit."""


class CpuSeen(Evidence):
    """Cores in use; `bad` at the configured number."""

    cores: float | None = None


class ServiceMetricActivities:
    """Judges the numbers of one service by its configured thresholds."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_errors(self, service: Service) -> ErrorsSeen:
        """The error ratio now, the worst routes, and since when."""
        if service.metrics is None:
            return ErrorsSeen(reason=f"no metrics are configured for {service.name}", observed_at=_now())
        metrics = service.metrics
        seen, routes, series = await asyncio.gather(
            self._ratio(metrics),
            self._prometheus.query_by_label(
                QueryByLabel(url=metrics.prometheus, query=metrics.by_route, label="route", top=5)
            ),
            self._prometheus.query_range(
                _over(metrics, metrics.ratio, metrics.onset_within),
            ),
        )
        since = _rose_at(series.points, metrics.threshold) if seen.bad else None
        failing = tuple(route for route in routes.values if route.value > metrics.threshold)
        worst = ", ".join(f"{route.label} {route.value:.0%}" for route in failing[:3])
        reason = f"{seen.reason}; worst: {worst}" if worst else seen.reason
        return seen.model_copy(update={"routes": failing, "since": since, "reason": reason})

    @activity.defn
    async def look_at_heap(self, service: Service) -> HeapSeen:
        """Whether the heap grows steadily: `bad` when it does, with the time until it is full."""
        if service.metrics is None:
            return HeapSeen(reason=f"no metrics are configured for {service.name}", observed_at=_now())
        metrics = service.metrics
        series = await self._prometheus.query_range(_over(metrics, metrics.heap, metrics.heap_window))
        if len(series.points) < FEWEST_POINTS:
            reason = series.reason if series.unknown else f"only {len(series.points)} samples of the heap"
            return HeapSeen(reason=reason, observed_at=_now())
        return heap_trend(series.points, metrics.heap_growth)

    @activity.defn
    async def look_at_cpu(self, service: Service) -> CpuSeen:
        """Cores in use against the configured number."""
        if service.metrics is None:
            return CpuSeen(reason=f"no metrics are configured for {service.name}", observed_at=_now())
        metrics = service.metrics
        seen = await self._prometheus.query_metric(QueryMetric(url=metrics.prometheus, query=metrics.cpu))
        if seen.value is None:
            return CpuSeen(reason=seen.reason, observed_at=_now())
        full = seen.value >= metrics.cpu_full
        return CpuSeen(
            finding=Finding.BAD if full else Finding.OK,
            reason=f"{seen.value:.2f} cores in use{', as many as it may' if full else ''}",
            observed_at=_now(),
            cores=seen.value,
        )

    @activity.defn
    async def watch_errors(self, request: WatchService) -> Watched:
        """Watch the ratio until it stayed under the threshold, with traffic, for the window."""
        metrics = request.service.metrics
        if metrics is None:
            reason = f"no metrics are configured for {request.service.name}"
            return Watched(reason=reason, observed_at=_now())
        pace = Pace(
            every=min(SAMPLE_EVERY, request.stable_for / 3),
            settle=metrics.settle,
            stable_for=request.stable_for,
            well=f"under {metrics.threshold:.0%} errors",
        )
        return await watch(lambda: self._ratio(metrics), pace)

    async def _ratio(self, metrics: ErrorMetrics) -> ErrorsSeen:
        ratio, traffic = await asyncio.gather(
            self._ask(metrics, metrics.ratio), self._ask(metrics, metrics.traffic)
        )
        facts = {"threshold": metrics.threshold, "observed_at": _now(), "traffic": traffic.value}
        if traffic.value is None:
            return ErrorsSeen(reason=f"the traffic is not known: {traffic.reason}", **facts)
        if traffic.value <= 0:
            return ErrorsSeen(reason="there is no traffic, so nobody knows", **facts)
        if ratio.value is None:
            return ErrorsSeen(reason=f"the error ratio is not known: {ratio.reason}", **facts)
        high = ratio.value > metrics.threshold
        return ErrorsSeen(
            finding=Finding.BAD if high else Finding.OK,
            reason=f"{ratio.value:.1%} of {traffic.value:.1f} requests a second answer 5xx",
            ratio=ratio.value,
            **facts,
        )

    async def _ask(self, metrics: ErrorMetrics, query: str) -> MetricSeen:
        return await self._prometheus.query_metric(
            QueryMetric(
                url=metrics.prometheus, query=query, samples=metrics.samples, fresh_for=metrics.fresh_for
            )
        )


def _over(metrics: ErrorMetrics, query: str, over: timedelta) -> QueryRange:
    """The series of a window, with as many points in a short one as in a long one."""
    return QueryRange(url=metrics.prometheus, query=query, over=over, step=over / POINTS)


def _rose_at(points: Sequence[Point], threshold: float) -> datetime | None:
    """The beginning of the newest stretch above the threshold."""
    since = None
    for point in reversed(points):
        if point.value <= threshold:
            break
        since = point.at
    return since


def heap_trend(points: Sequence[Point], least_growth: float) -> HeapSeen:
    """A straight line through the points, by least squares: does the heap grow, and steadily?"""
    over = points[-1].at - points[0].at
    hours = [(point.at - points[0].at) / timedelta(hours=1) for point in points]
    shares = [point.value for point in points]
    slope, fit = linear_regression(hours, shares).slope, _fit(hours, shares)
    grown = slope * hours[-1]
    leaks = fit >= GROWS_STEADILY and grown >= least_growth
    full_in = timedelta(hours=(1 - shares[-1]) / slope) if leaks and shares[-1] < 1 else None
    words = f"{shares[-1]:.0%} of the heap in use"
    if leaks:
        words += f", growing steadily by {grown:.0%} in {in_words(over)} (fit {fit:.2f})"
    if full_in:
        words += f", full in {in_words(full_in)}"
    return HeapSeen(
        finding=Finding.BAD if leaks else Finding.OK,
        reason=words,
        observed_at=_now(),
        share=shares[-1],
        slope=slope,
        fit=fit,
        full_in=full_in,
    )


def _fit(hours: Sequence[float], shares: Sequence[float]) -> float:
    """R²; a heap that stays the same grows by no line, so that it is 0."""
    try:
        return correlation(hours, shares) ** 2
    except StatisticsError:
        return 0.0


def _now() -> datetime:
    return datetime.now(UTC)
