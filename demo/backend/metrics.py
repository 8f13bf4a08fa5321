"""The metrics that the alert rules read."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, Summary
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.backend.heap import Caches
from demo.backend.memory import memory_limit, memory_used

REGISTRY = CollectorRegistry()

REQUESTS = Counter("http_requests", "Requests answered.", ["route", "status", "method"], registry=REGISTRY)
DURATION = Histogram(
    "http_request_duration_seconds", "Time to answer.", ["route", "method"], registry=REGISTRY
)
CALLS = Histogram(
    "external_request_duration_seconds", "Time that a provider takes.", ["provider"], registry=REGISTRY
)
COLLECTING = Summary("nodejs_gc_duration_seconds", "Time that collecting garbage takes.", registry=REGISTRY)
HEALTHY = Gauge("service_healthy", "1 while the health check says healthy, else 0.", registry=REGISTRY)
COST = Gauge("affiliate_api_cost_dollars", "Dollars spent, by provider.", ["service"], registry=REGISTRY)


class Heap(Collector):
    """The heap under its Node.js names. Node itself exports no limit: the source's alert needs one."""

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("nodejs_heap_size_used_bytes", "Heap in use.", memory_used())
        yield GaugeMetricFamily("nodejs_heap_used_bytes", "Heap in use.", memory_used())
        yield GaugeMetricFamily("nodejs_heap_size_total_bytes", "Heap taken.", memory_used())
        yield GaugeMetricFamily("nodejs_heap_size_limit_bytes", "Heap allowed.", memory_limit())


class Collecting:
    """Times each collection of garbage, under its Node.js name."""

    def __init__(self) -> None:
        self._began = 0.0

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            COLLECTING.observe(time.perf_counter() - self._began)


REGISTRY.register(Heap())
gc.callbacks.append(Collecting())
REGISTRY.register(Caches())
ProcessCollector(registry=REGISTRY)


class Measured:
    """Counts and times every request by its route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            request = Request(scope)
            route = _route(request) if status != 404 else "unknown"
            REQUESTS.labels(route, str(status), request.method).inc()
            DURATION.labels(route, request.method).observe(time.perf_counter() - began)


def _route(request: Request) -> str:
    """Its pattern where the path holds a number: each product would be a series."""
    return "/".join("{id}" if part.isdigit() else part for part in request.url.path.split("/"))
