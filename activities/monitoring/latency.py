"""How fast a service answers, from the histogram of its requests.

A quantile is a guess between two bounds: where the histogram cannot tell (nobody asked, a single
bucket, beyond its largest bound) it is `unknown`, and never zero.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.monitoring.metrics import LabelledValue, MetricSeen, QueryByLabel, QueryMetric, QueryRange
from activities.monitoring.onset import onset
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.service_metrics import POINTS, too_little
from activities.support.metric_watch import watch_metric
from models.evidence.evidence import Evidence, Finding, Measured, VerificationRequest, VerificationResult
from models.service.service import Service
from models.service.surroundings import ErrorMetrics

HISTORY = 10
"""The fewest points of the past that make something usual."""
_STEPS = 96
_MOST_BUCKETS = 100
_P95 = 0.95
_FEW = 100
"""Requests: of fewer, the 99 % quantile is the slowest alone."""
_NOT_SECONDS = re.compile(r"(?<=_)(?:ms|msec|millis|milliseconds|us|microseconds|ns)(?=_|\b)")
_DIVIDED = re.compile(r"/\s*(?:1000|1e[369])|\*\s*(?:0?\.0|1e-)")


class LatencySeen(Evidence):
    """The quantiles of the time to answer, in seconds. `bad` when `p95` is over its threshold."""

    p95: float | None = None
    p99: float | None = None
    threshold: float | None = None
    usual: float | None = None
    """The median of `p95` over the time before, if there is enough of it."""
    traffic: float | None = None
    """Requests a second."""
    usual_traffic: float | None = None
    routes: tuple[LabelledValue, ...] = ()
    """The routes that are over the threshold, the slowest first."""
    routes_seen: int = 0
    """How many routes there are, up to ten."""
    since: datetime | None = None
    """When `p95` rose above the threshold, as far as the last hours show."""
    good_until: datetime | None = None
    """When it was last seen under the threshold before; None means that it may have begun earlier."""

    @property
    def measured(self) -> Measured | None:
        return None if self.p95 is None else Measured("p95 of the time to answer", 1000 * self.p95, "ms")


class CollectingSeen(Evidence):
    """The share of its time that a service spends on collecting garbage; `bad` when that is much."""

    share: float | None = None


class LatencyActivities:
    """Judges the time to answer of one service by its configured threshold."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_latency(self, service: Service) -> LatencySeen:
        """The quantiles now, what is usual, the slow routes, and since when."""
        metrics = service.metrics
        if metrics is None:
            return LatencySeen(reason=f"no metrics are configured for {service.name}", observed_at=_now())
        latency = metrics.latency
        seen, p99, routes, usual, usual_traffic, series = await asyncio.gather(
            self._p95(metrics),
            self._ask(metrics, latency.p99),
            self._prometheus.query_by_label(
                QueryByLabel(url=metrics.prometheus, query=latency.by_route, label="route")
            ),
            self._ask(metrics, usually(latency.p95, latency.usual_over, metrics.window)),
            self._ask(metrics, usually(latency.traffic, latency.usual_over, metrics.window)),
            self._prometheus.query_range(
                QueryRange(
                    url=metrics.prometheus,
                    query=latency.p95,
                    over=metrics.onset_within,
                    step=metrics.onset_within / POINTS,
                )
            ),
        )
        limit = latency.threshold.total_seconds()
        since, good_until = onset(series.points if seen.bad else (), limit, metrics.window)
        slow = tuple(route for route in routes.values if route.value > limit)
        many = (seen.traffic or 0) * metrics.window.total_seconds() >= _FEW
        facts = {
            "p99": p99.value if many else None,
            "usual": usual.value,
            "usual_traffic": usual_traffic.value,
            "routes": slow,
            "routes_seen": len(routes.values),
            "since": since,
            "good_until": good_until,
        }
        seen = seen.model_copy(update=facts)
        return seen.model_copy(update={"reason": "; ".join([seen.reason, *_more(seen)])})

    @activity.defn
    async def look_at_collecting(self, service: Service) -> CollectingSeen:
        """How much of its time goes into collecting garbage."""
        metrics = service.metrics
        if metrics is None:
            return CollectingSeen(reason=f"no metrics are configured for {service.name}", observed_at=_now())
        seen = await self._ask(metrics, metrics.latency.collecting)
        if seen.value is None:
            return CollectingSeen(reason=seen.reason, observed_at=_now())
        much = seen.value > metrics.latency.collecting_much
        return CollectingSeen(
            finding=Finding.BAD if much else Finding.OK,
            reason=f"{seen.value:.0%} of its time goes into collecting garbage",
            observed_at=_now(),
            share=seen.value,
        )

    @activity.defn
    async def watch_latency(self, request: VerificationRequest) -> VerificationResult:
        """Sample until `p95` stayed below its threshold, with traffic, for the window."""
        return await watch_metric(
            request, self._p95, lambda metrics: f"p95 under {metrics.latency.threshold.total_seconds():g} s"
        )

    async def _p95(self, metrics: ErrorMetrics) -> LatencySeen:
        latency = metrics.latency
        p95, traffic, buckets = await asyncio.gather(
            self._ask(metrics, latency.p95), self._ask(metrics, latency.traffic), self._buckets(metrics)
        )
        limit = latency.threshold.total_seconds()
        facts = {"threshold": limit, "observed_at": _now(), "traffic": traffic.value}
        if traffic.value is None:
            return LatencySeen(reason=f"the traffic is not known: {traffic.reason}", **facts)
        if few := too_little(metrics, traffic.value, traffic.value * metrics.window.total_seconds()):
            return LatencySeen(reason=few, **facts)
        finding, words, value = judged(p95, buckets, limit)
        unit = _NOT_SECONDS.search(latency.p95)
        if unit and not _DIVIDED.search(latency.p95):
            words = f"`metrics.latency.p95` is not in seconds, but asks for `{unit[0]}`: divide it"
            finding, value = Finding.UNKNOWN, None
        reason = f"{words}, at {traffic.value:.1f} requests a second"
        return LatencySeen(finding=finding, reason=reason, p95=value, **facts)

    async def _buckets(self, metrics: ErrorMetrics) -> dict[float, float]:
        """The rate of each bucket by its bound; empty when there are none, or they are not known."""
        if not metrics.latency.buckets:
            return {}
        query = QueryByLabel(
            url=metrics.prometheus, query=metrics.latency.buckets, label="le", top=_MOST_BUCKETS
        )
        found = await self._prometheus.query_by_label(query)
        return dict(
            sorted((bound, one.value) for one in found.values if (bound := _bound(one.label)) is not None)
        )

    async def _ask(self, metrics: ErrorMetrics, query: str) -> MetricSeen:
        return await self._prometheus.query_metric(
            QueryMetric(
                url=metrics.prometheus,
                query=query,
                samples=metrics.latency.samples,
                fresh_for=metrics.fresh_for,
            )
        )


def usually(query: str, over: timedelta, before: timedelta) -> str:
    """The expression that gives the median of an expression in the past, where there is enough of it.

    Times without a request have no number, and are left out.
    """
    step = max(over / _STEPS, timedelta(seconds=1)).total_seconds()
    past = f"(({query}) >= 0)[{over.total_seconds():.0f}s:{step:.0f}s] offset {before.total_seconds():.0f}s"
    return f"quantile_over_time(0.5, {past}) and count_over_time({past}) >= {HISTORY}"


def judged(p95: MetricSeen, buckets: dict[float, float], limit: float) -> tuple[Finding, str, float | None]:
    """The verdict on a quantile, its words, and the number if it is known."""
    if p95.value is None or p95.value < 0:
        why = p95.reason if p95.value is None else f"it is {p95.value:g} s"
        return Finding.UNKNOWN, f"p95 is not known: {why}", None
    bounds = [one for one in buckets if math.isfinite(one)]
    if buckets and len(bounds) < 2:
        return (
            Finding.UNKNOWN,
            "p95 is not known: a single bucket tells nothing",
            None,
        )
    if bounds and buckets.get(math.inf, 0) * _P95 > buckets[bounds[-1]]:
        beyond = f"p95 is over {bounds[-1]:g} s, the largest bound of its histogram"
        if bounds[-1] >= limit:
            return Finding.BAD, beyond, bounds[-1]
        return Finding.UNKNOWN, f"{beyond}: whether it is over {limit:g} s is not known", None
    if bounds and p95.value <= bounds[0] and limit < bounds[0]:
        within = f"p95 is somewhere within {bounds[0]:g} s, the least bound of its histogram"
        return Finding.UNKNOWN, f"{within}: whether it is over {limit:g} s is not known", None
    slow = p95.value > limit
    words = f"p95 is {p95.value:.3g} s, {'over' if slow else 'within'} its {limit:g} s"
    return Finding.BAD if slow else Finding.OK, words, p95.value


def _more(seen: LatencySeen) -> Sequence[str]:
    """What else is worth a word."""
    words = [f"p99 {seen.p99:.3g} s"] if seen.p99 is not None else []
    if seen.usual is not None:
        usual = f"usually p95 is {seen.usual:.3g} s"
        always = seen.bad and seen.threshold is not None and seen.usual > seen.threshold
        words.append(f"{usual}: it always is that slow, or the threshold is too low" if always else usual)
    if seen.routes:
        words.append("slow: " + ", ".join(f"{one.label} {one.value:.3g} s" for one in seen.routes[:3]))
    return words


def _bound(label: str) -> float | None:
    try:
        bound = float(label)
    except ValueError:
        return None
    return None if math.isnan(bound) else bound


def _now() -> datetime:
    return datetime.now(UTC)
