"""A real Prometheus that has two weeks of 7 hours: `OVER` stands for the week here."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest

from activities.monitoring.prometheus import Prometheus
from tests.parts.servers.prometheus_server import prometheus_with

OVER = timedelta(hours=7)
HOUR = 3600
STEP = 60
DATA = 15 * HOUR
"""So far back go the data; a little farther than two weeks."""

RULES = """
groups:
  - name: shop
    rules:
      - {alert: Slow, expr: vector(0) > 1, for: 1m}
"""

ALERTS: dict[str, list[tuple[float, float]]] = {
    'alertname="ServiceDown",alertstate="firing",service="backend",instance="a"': [(6, 5.5), (4, 3.5)],
    # It overlaps the first of them.
    'alertname="ServiceDown",alertstate="firing",service="backend",instance="b"': [(5.75, 5)],
    'alertname="Flaps",alertstate="firing",job="ai-backend"': [(n, n - 1 / 30) for n in (6.5, 5, 4, 3, 1.5)],
    'alertname="StillOn",alertstate="firing"': [(0.5, -1)],
    'alertname="Pending",alertstate="pending",service="backend"': [(3, 1)],
    'alertname="Long ago",alertstate="firing",service="backend"': [(12, 10)],
}
"""From and to, in hours ago."""

# Requests a minute: (good, failed) in the week before, and in this one.
ROUTES: dict[str, dict[str, tuple[tuple[float, float], tuple[float, float]]]] = {
    "shop": {
        "/api/worse": ((20, 0.2), (20, 0.9)),
        "/api/same": ((20, 0.4), (20, 0.42)),
        "/api/new": ((0, 0), (5, 0)),
        "/api/gone": ((5, 0), (0, 0)),
        "/api/rare": ((0.02, 0.02), (0, 0.04)),
    },
    "broken": {"/api/a": ((10, 0), (10, 2)), "/api/b": ((10, 0), (10, 0))},
    "fine": {"/api/a": ((10, 0.1), (10, 0))},
    "fresh": {"/api/a": ((0, 0), (10, 0))},
    "silent": {"/api/a": ((0.01, 0), (0.01, 0))},
}


def samples(now: int) -> str:
    """Everything in the text format of OpenMetrics."""
    times = range(now - DATA, now + 10 * STEP, STEP)
    lines = ["# TYPE up gauge", *(f'up{{job="shop"}} 1 {at}' for at in times), "# TYPE ALERTS gauge"]
    for labels, spans in ALERTS.items():
        lines += [
            f"ALERTS{{{labels}}} 1 {at}"
            for at in times
            if any(start * HOUR >= now - at > end * HOUR for start, end in spans)
        ]
    lines += ["# TYPE http_requests_total unknown"]
    for job, routes in ROUTES.items():
        for route, (before, this) in routes.items():
            for status, index in (("200", 0), ("500", 1)):
                lines += _counter(job, route, status, (before[index], this[index]), now, times)
    lines += ["# TYPE odd_total unknown"]
    lines += [f'odd_total{{job="odd",route="/a",code="200"}} {(at - now + DATA) / 6} {at}' for at in times]
    return "\n".join([*lines, "# EOF", ""])


def _counter(
    job: str, route: str, status: str, rates: tuple[float, float], now: int, times: range
) -> list[str]:
    """A counter; a week in which it counts nothing has no samples of it."""
    value, lines = 0.0, []
    for at in times:
        rate = rates[0] if now - at > OVER.total_seconds() else rates[1]
        value += rate
        if rate:
            lines.append(f'http_requests_total{{job="{job}",route="{route}",status="{status}"}} {value} {at}')
    return lines


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("week")
    with prometheus_with(samples(int(time.time())), directory, RULES, flags=()) as address:
        yield address


@pytest.fixture
async def prometheus() -> AsyncIterator[Prometheus]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Prometheus(client)
