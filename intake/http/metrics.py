"""The metrics of the intake, for `/metrics`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.names import TASK_QUEUE
from runtime.alive.gauges import RegistryGauges

KNOWN = ("/v1/alertmanager", "/healthz", "/readyz", "/metrics", "/openapi.json")


class IntakeMetrics:
    """The counters of one intake, in a registry of their own; by their labels, each looked up once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.nameless = Nameless(self.registry)
        self.gauges = RegistryGauges(self.registry, "intake")
        self.received = cache(
            Counter("runbooks_alerts_received", "Alerts received", ["status"], registry=self.registry).labels
        )
        self.taken = cache(
            Counter(
                "runbooks_alerts_taken",
                "Alerts taken by Temporal, by result",
                ["how"],
                registry=self.registry,
            ).labels
        )
        self.refused = Counter("runbooks_alerts_refused", "Alerts refused for good", registry=self.registry)
        self.sent_back = Counter(
            "runbooks_webhooks_sent_back",
            "Webhooks answered with 503, because Temporal did not answer",
            registry=self.registry,
        )
        self.seconds = cache(
            Histogram(
                "runbooks_intake_request_seconds",
                "Time to answer a request",
                ["path", "status"],
                registry=self.registry,
            ).labels
        )


class Nameless(Collector):
    """The same metrics for a reader without a token: without the series about one service or host.

    A code in place of a name would be one more service, and rules would page for it too.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            metric.samples = [sample for sample in metric.samples if not _names(sample.labels)]
            yield metric


def _names(labels: Mapping[str, str]) -> bool:
    return "service" in labels or labels.get("task_queue", TASK_QUEUE) != TASK_QUEUE


class Timed:
    """Measures every request. Unknown paths share one label, so that labels stay few."""

    def __init__(self, app: ASGIApp, metrics: IntakeMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            taken = time.perf_counter() - began
            self._metrics.seconds(_known(scope["path"]), str(status)).observe(taken)


def _known(path: str) -> str:
    if path in KNOWN:
        return path
    return "/incidents" if path.split("/")[1:2] == ["incidents"] else "other"
