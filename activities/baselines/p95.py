"""How fast a service answers, against the same hour of the last seven days.

An hour with too little traffic says nothing, and is left out: a quantile of a few requests is chance, and
that of none is no number. The baseline is the median, so that one bad day does not hide the next.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from temporalio import activity

from activities.baselines.hours import same_hour_before
from activities.monitoring.metrics import MetricKind, MetricSeen, QueryMetric
from activities.monitoring.prometheus import Prometheus
from activities.support.heartbeats import beating
from models.base import Model, in_words
from models.checks.item import Figure, ItemResult, ItemState
from models.incident.report import Chart, Series
from models.service.service import Service
from models.service.surroundings import ErrorMetrics
from models.zone import Zone

DAYS = 7
FEWEST_DAYS = 3
"""So many days with enough traffic make a baseline."""
HOUR = timedelta(hours=1)
STEPS = 12
"""Points of an hour."""
WITHIN = timedelta(seconds=8)
AT_ONCE = 4
"""Queries: an hour of a histogram is work for Prometheus."""


class CompareP95(Model):
    """The 95 % quantile of one service, now and at this hour before."""

    service: Service
    slower_than_usual: float = 1.5
    slower_by: timedelta = timedelta(milliseconds=50)
    time_zone: Zone = "UTC"

    @property
    def runs_at(self) -> Service:
        return self.service


@dataclass(frozen=True)
class _Hours:
    """The quantile in seconds: of the last hour, and of the same hour of each day before."""

    now: MetricSeen
    before: tuple[MetricSeen, ...]

    @property
    def known(self) -> tuple[float, ...]:
        return tuple(one.value for one in self.before if one.value is not None)


class BaselineActivities:
    """Asks Prometheus for one hour of several days."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def compare_p95(self, request: CompareP95) -> ItemResult:
        """`bad` over the service's own threshold, `attention` when it is slower than usual by much."""
        metrics, now = request.service.metrics, datetime.now(UTC)
        if metrics is None:
            return ItemResult(reason=f"no metrics are configured for {request.service.name}", observed_at=now)
        async with beating():
            hours = await self._hours(metrics, now, request.time_zone)
            if hours.now.value is None:
                found = ItemResult(reason=await self._why_not(metrics, hours.now))
            else:
                found = judged(hours.now.value, hours.known, request, metrics)
        update = {"observed_at": now, "link": metrics.prometheus, "charts": _charts(hours, metrics, now)}
        return found.model_copy(update=update)

    async def _hours(self, metrics: ErrorMetrics, now: datetime, zone: str) -> _Hours:
        slots = asyncio.Semaphore(AT_ONCE)

        async def of_hour(ago: timedelta) -> MetricSeen:
            fresh = "" if ago else metrics.latency.samples
            async with slots:
                return await self._ask(metrics, _typical(_with_traffic(metrics), ago), fresh)

        ago = (timedelta(), *same_hour_before(now, DAYS, zone))
        last, *before = await asyncio.gather(*(of_hour(one) for one in ago))
        return _Hours(now=last, before=tuple(before))

    async def _why_not(self, metrics: ErrorMetrics, seen: MetricSeen) -> str:
        """Nobody asked, too few did, or the metric is not there."""
        if seen.kind is not MetricKind.EMPTY:
            return f"p95 is not known: {seen.reason}"
        traffic = await self._ask(metrics, _typical(metrics.latency.traffic, timedelta()))
        if traffic.value is None:
            now = await self._ask(metrics, metrics.latency.traffic)
            young = "it is measured for only some minutes"
            return f"p95 is not known: {young if now.value is not None else traffic.reason}"
        requests = traffic.value * metrics.window.total_seconds()
        least = f"at least {metrics.min_requests} are needed"
        return (
            f"too little traffic to judge by: about {requests:.0f} requests in {in_words(metrics.window)}"
            f" within the last hour, and {least}"
        )

    async def _ask(self, metrics: ErrorMetrics, query: str, samples: str = "") -> MetricSeen:
        asked = QueryMetric(
            url=metrics.prometheus,
            query=query,
            samples=samples,
            fresh_for=metrics.fresh_for,
            within=WITHIN,
        )
        return await self._prometheus.query_metric(asked)


def judged(now: float, before: tuple[float, ...], request: CompareP95, metrics: ErrorMetrics) -> ItemResult:
    """The last hour against the threshold, and against what is usual at this hour."""
    limit = metrics.latency.threshold.total_seconds()
    usual = median(before) if len(before) >= FEWEST_DAYS else None
    words = f"p95 of the last hour is {now:.3g} s; "
    if usual is None:
        words += f"too little history to know what is usual: {len(before)} of {DAYS} days had enough traffic"
    else:
        words += f"{usual:.3g} s is usual at this hour (median of {len(before)} days)"
    slower = usual is not None and now > request.slower_than_usual * usual
    much = usual is not None and now - usual > request.slower_by.total_seconds()
    if now > limit:
        state = ItemState.BAD
    elif usual is None:
        state = ItemState.UNKNOWN
    else:
        state = ItemState.ATTENTION if slower and much else ItemState.OK
    return ItemResult(
        state=state,
        reason=words,
        threshold=f"at most {limit:g} s, and {request.slower_than_usual:g} times what is usual at this hour",
        figures=(Figure(name="p95", value=now, unit="s"), Figure(name="usual p95", value=usual, unit="s")),
        services=(request.service.name,),
    )


def _with_traffic(metrics: ErrorMetrics) -> str:
    """The quantile, where enough requests stand behind it."""
    least = max(metrics.min_rate, metrics.min_requests / metrics.window.total_seconds())
    return f"({metrics.latency.p95}) and on() (({metrics.latency.traffic}) >= {least:g})"


def _typical(expression: str, ago: timedelta) -> str:
    """The median of an expression over the hour that ended so long ago."""
    step = int((HOUR / STEPS).total_seconds())
    offset = f" offset {int(ago.total_seconds())}s" if ago else ""
    return f"quantile_over_time(0.5, ({expression})[{int(HOUR.total_seconds())}s:{step}s]{offset})"


def _charts(hours: _Hours, metrics: ErrorMetrics, now: datetime) -> tuple[Chart, ...]:
    if hours.now.value is None or not hours.known:
        return ()
    values = [*reversed([one.value for one in hours.before]), hours.now.value]
    labels = [f"{now - timedelta(days=day):%a %d}" for day in range(len(hours.before), 0, -1)]
    chart = Chart(
        name="p95-by-day",
        title="p95 at this hour, in seconds",
        says=f"today {hours.now.value:.3g} s; before, {min(hours.known):.3g} to {max(hours.known):.3g} s",
        labels=(*labels, "today"),
        series=(Series(name="p95", values=tuple(values)),),
        unit="s",
        line=metrics.latency.threshold.total_seconds(),
    )
    return (chart,)
