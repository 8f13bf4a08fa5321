"""Metrics of one service from Prometheus: its errors and its CPU.

Too little traffic, no
samples and no Prometheus are `unknown`: never healthy, and never a reason to act.
"""

from __future__ import annotations

import asyncio
import math
import re
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.monitoring.metrics import LabelledValue, MetricSeen, QueryByLabel, QueryMetric, QueryRange
from activities.monitoring.onset import onset
from activities.monitoring.prometheus import Prometheus
from activities.support.metric_watch import watch_metric
from models.base import in_words
from models.evidence.evidence import Evidence, Finding, Measured, VerificationRequest, VerificationResult
from models.service.service import Service
from models.service.surroundings import ErrorMetrics

"""And more often only in a window so short that three looks would not fit."""
POINTS = 480
"""Over two hours, one each quarter of a minute."""


_STATUS = re.compile(r"""([a-zA-Z_]\w*)\s*=~?\s*["'](?=5)""")
"""The label by which an expression tells errors apart, such as `status=~"5.."`."""
_METRIC = re.compile(r"\s*([a-zA-Z_:][\w:]*)")
_ROUNDING = 1e-6


class ErrorsSeen(Evidence):
    """The share of requests that answer 5xx. With little or no traffic it is `unknown`."""

    ratio: float | None = None
    threshold: float | None = None
    traffic: float | None = None
    """Requests a second."""
    requests: float | None = None
    """How many there were in the window of the expressions."""
    routes: tuple[LabelledValue, ...] = ()
    """The routes that fail most, the worst first."""
    since: datetime | None = None
    """When the ratio rose above the threshold, as far as the last hours show."""
    good_until: datetime | None = None
    """When it was last seen under the threshold before; None means that it may have begun earlier."""

    @property
    def measured(self) -> Measured | None:
        return None if self.ratio is None else Measured("requests that answer 5xx", 100 * self.ratio, "%")


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
        if seen.bad and (wrong := await self._no_counter(metrics)):
            return seen.model_copy(update={"finding": Finding.UNKNOWN, "reason": wrong})
        since, good_until = onset(series.points if seen.bad else (), metrics.threshold, metrics.window)
        failing = tuple(route for route in routes.values if route.value > metrics.threshold)
        worst = ", ".join(f"{route.label} {route.value:.0%}" for route in failing[:3])
        reason = "; ".join(
            filter(None, (seen.reason, worst and f"worst: {worst}", _since(since, good_until)))
        )
        facts = {"routes": failing, "since": since, "good_until": good_until, "reason": reason}
        return seen.model_copy(update=facts)

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
    async def watch_errors(self, request: VerificationRequest) -> VerificationResult:
        """Sample the ratio until it stayed below the threshold, with traffic, for the window."""
        return await watch_metric(
            request, self._ratio, lambda metrics: f"under {metrics.threshold:.0%} errors"
        )

    async def _ratio(self, metrics: ErrorMetrics) -> ErrorsSeen:
        ratio, traffic = await asyncio.gather(
            self._ask(metrics, metrics.ratio), self._ask(metrics, metrics.traffic)
        )
        facts = {"threshold": metrics.threshold, "observed_at": _now(), "traffic": traffic.value}
        if traffic.value is None:
            return ErrorsSeen(reason=f"the traffic is not known: {traffic.reason}", **facts)
        facts["requests"] = requests = traffic.value * metrics.window.total_seconds()
        if few := too_little(metrics, traffic.value, requests):
            return ErrorsSeen(reason=few, **facts)
        if ratio.value is None:
            return ErrorsSeen(reason=f"the error ratio is not known: {ratio.reason}", **facts)
        if not -_ROUNDING <= ratio.value <= 1 + _ROUNDING:
            wrong = (
                f"`metrics.ratio` gives {ratio.value:g}, and a share is from 0 to 1: correct the expression"
            )
            return ErrorsSeen(reason=wrong, **facts)
        if not ratio.value and (wrong := await self._no_status(metrics)):
            return ErrorsSeen(reason=wrong, **facts)
        high = ratio.value > metrics.threshold
        return ErrorsSeen(
            finding=Finding.BAD if high else Finding.OK,
            reason=f"{ratio.value:.1%} of {traffic.value:.1f} requests a second answer 5xx, over the last "
            f"{in_words(metrics.window)}",
            ratio=ratio.value,
            **facts,
        )

    async def _no_status(self, metrics: ErrorMetrics) -> str:
        """Not one error may also mean that the expression asks for a label that there is not."""
        label = _STATUS.search(metrics.ratio)
        carried = label and await self._prometheus.labels_of(_samples(metrics), label[1])
        if not label or not carried:
            return ""
        return (
            f"the error ratio is not known: no series of `metrics.samples` has the label `{label[1]}` that"
            f" `metrics.ratio` asks for; they have {', '.join(f'`{one}`' for one in carried[:10])}"
        )

    async def _no_counter(self, metrics: ErrorMetrics) -> str:
        """`rate` of a gauge is a number as well, and says nothing."""
        name = _METRIC.match(metrics.samples)
        if not name or await self._prometheus.type_of(_samples(metrics), name[1]) != "gauge":
            return ""
        return f"the error ratio is not known: `{name[1]}` is a gauge, and a rate needs a counter"

    async def _ask(self, metrics: ErrorMetrics, query: str) -> MetricSeen:
        return await self._prometheus.query_metric(
            QueryMetric(
                url=metrics.prometheus, query=query, samples=metrics.samples, fresh_for=metrics.fresh_for
            )
        )


def _since(since: datetime | None, good_until: datetime | None) -> str:
    """Since when the share is above its threshold, as far as the series that was read goes back."""
    if since is None:
        return ""
    earlier = "" if good_until else ", or earlier"
    return f"above the threshold since {since.astimezone(UTC):%H:%M:%S} UTC{earlier}"


def _over(metrics: ErrorMetrics, query: str, over: timedelta) -> QueryRange:
    """The series of a window, with as many points in a short one as in a long one."""
    return QueryRange(url=metrics.prometheus, query=query, over=over, step=over / POINTS)


def _samples(metrics: ErrorMetrics) -> QueryMetric:
    return QueryMetric(url=metrics.prometheus, query=metrics.samples, samples=metrics.samples)


def too_little(metrics: ErrorMetrics, rate: float, requests: float) -> str:
    """Why so much traffic says nothing of the service; empty when it is enough."""
    if rate <= 0:
        return "there is no traffic, so nobody knows"
    if rate >= metrics.min_rate and requests >= metrics.min_requests:
        return ""
    least = max(metrics.min_requests, metrics.min_rate * metrics.window.total_seconds())
    return (
        f"too little traffic to judge by: about {requests:.0f} requests in {in_words(metrics.window)},"
        f" and at least {math.ceil(least)} are needed"
    )


def _now() -> datetime:
    return datetime.now(UTC)
