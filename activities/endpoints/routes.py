"""The errors of one route, by the metrics of its service.

The name of the route is of the configuration, or one that the metrics themselves have: it is compared with
the values of the label, and quoted.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

from temporalio import activity

from activities.endpoints.seen import LookAtRoute, RouteSeen
from activities.monitoring.metrics import MetricKind, MetricSeen, QueryMetric, QueryRange
from activities.monitoring.onset import onset
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.service_metrics import POINTS
from activities.support.redaction import clean
from models.base import in_words
from models.evidence.evidence import Finding
from models.service.surroundings import ErrorMetrics

LABEL = "route"
"""The label of `metrics.by_route`."""
MOST_NAMES = 8


class RouteActivities:
    """Asks Prometheus."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    @activity.defn
    async def look_at_route(self, request: LookAtRoute) -> RouteSeen:
        """The error ratio of the first of these names that the metrics have, and since when."""
        metrics, now = request.service.metrics, datetime.now(UTC)
        if metrics is None:
            reason = f"no metrics are configured for {request.service.name}"
            return RouteSeen(reason=reason, observed_at=now)
        traffic = MetricSeen(reason="the alert names no route")
        for name in request.names[:MOST_NAMES]:
            traffic = await self._ask(metrics, _traffic(metrics, name))
            if traffic.value is not None:
                return await self._errors(metrics, name, traffic.value)
            if traffic.kind is not MetricKind.EMPTY:
                return RouteSeen(reason=f"its requests are not known: {traffic.reason}", observed_at=now)
        named = clean(", ".join(request.names), 200)
        reason = f"the metrics have no route {named}" if named else traffic.reason
        return RouteSeen(reason=reason, observed_at=now)

    async def _errors(self, metrics: ErrorMetrics, name: str, rate: float) -> RouteSeen:
        query = _ratio(metrics, name)
        ratio, series = await asyncio.gather(
            self._ask(metrics, query),
            self._prometheus.query_range(
                QueryRange(
                    url=metrics.prometheus,
                    query=query,
                    over=metrics.onset_within,
                    step=metrics.onset_within / POINTS,
                )
            ),
        )
        requests, window = rate * metrics.window.total_seconds(), in_words(metrics.window)
        seen = RouteSeen(
            route=name, threshold=metrics.threshold, requests=requests, observed_at=datetime.now(UTC)
        )
        if requests < metrics.min_requests:
            few = f"too little traffic of {name} to judge by: about {requests:.0f} requests in {window}"
            return seen.model_copy(update={"reason": few})
        share = ratio.value
        if share is None or not 0 <= share <= 1 + 1e-6:
            wrong = (
                ratio.reason if share is None else f"`metrics.by_route` gives {share:g}, which is no share"
            )
            return seen.model_copy(update={"reason": f"its errors are not known: {wrong}"})
        high = share > metrics.threshold
        since, good_until = onset(series.points if high else (), metrics.threshold, metrics.window)
        update = {
            "finding": Finding.BAD if high else Finding.OK,
            "reason": f"{share:.0%} of the requests of {name} answer 5xx",
            "ratio": share,
            "since": since,
            "good_until": good_until,
        }
        return seen.model_copy(update=update)

    async def _ask(self, metrics: ErrorMetrics, query: str) -> MetricSeen:
        return await self._prometheus.query_metric(
            QueryMetric(
                url=metrics.prometheus, query=query, samples=metrics.samples, fresh_for=metrics.fresh_for
            )
        )


def _of(expression: str, name: str) -> str:
    """The one series of this route, of an expression by route."""
    quoted = json.dumps(name, ensure_ascii=False)
    one = f'label_replace(vector(1), "{LABEL}", {quoted.replace("$", "$$")}, "", "")'
    return f"({expression}) and on ({LABEL}) {one}"


def _traffic(metrics: ErrorMetrics, name: str) -> str:
    return _of(f"sum by ({LABEL}) ({metrics.memory.by_route})", name)


def _ratio(metrics: ErrorMetrics, name: str) -> str:
    """A route that has not failed once has no series of its failures: that is 0, as long as it is asked."""
    failing = _of(f"max by ({LABEL}) ({metrics.by_route})", name)
    return f"{failing} or 0 * ({_traffic(metrics, name)})"
