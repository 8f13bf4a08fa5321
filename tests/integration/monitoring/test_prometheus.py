"""Known numbers out of a real Prometheus, and every way in which it knows nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.monitoring.metrics import MetricKind, MetricSeen, QueryByLabel, QueryMetric, QueryRange
from activities.monitoring.prometheus import MOST_POINTS, Prometheus
from models.evidence.evidence import Finding
from tests.parts.servers.prometheus_server import prometheus_with
from tests.parts.servers.sockets import closed_port, listening, silence

STEP = 15
REQUESTS = {("/checkout", "200"): 70, ("/checkout", "500"): 30, ("/cart", "200"): 98, ("/cart", "503"): 2}
"""Requests in each step, by route and status: 32 of 200 are errors."""

ERRORS = 'sum(rate(http_requests_total{status=~"5.."}[5m]))'
RATIO = f"{ERRORS} / sum(rate(http_requests_total[5m]))"
BY_ROUTE = (
    'sum by (route) (rate(http_requests_total{status=~"5.."}[5m]))'
    " / sum by (route) (rate(http_requests_total[5m]))"
)
AS_THE_SOURCE_HAS_IT = 'rate(http_requests_total{status=~"5.."}[5m]) / rate(http_requests_total[5m])'


def openmetrics(now: float) -> str:
    """An hour of samples up to some minutes from now, and one series that ended four minutes ago."""
    times = range(int(now) - 3600, int(now) + 300, STEP)
    lines = ["# TYPE http_requests counter"]
    for (route, status), per_step in REQUESTS.items():
        name = f'http_requests_total{{route="{route}",status="{status}"}}'
        lines += [f"{name} {index * per_step} {at}" for index, at in enumerate(times)]
    lines += ["# TYPE heap gauge"]
    lines += [f"heap {100 + index} {at}" for index, at in enumerate(times)]
    lines += ["# TYPE ended gauge"]
    lines += [f"ended 7 {at}" for at in times if at < now - 240]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real Prometheus that already holds the samples."""
    with prometheus_with(openmetrics(time.time()), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def metrics() -> AsyncIterator[Prometheus]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Prometheus(client)


async def number(metrics: Prometheus, url: str, query: str, **more: object) -> MetricSeen:
    request = QueryMetric.model_validate({"url": url, "query": query, "service": "backend", **more})
    seen = await ActivityEnvironment().run(metrics.query_metric, request)
    assert seen.observed_at is not None
    return seen


async def test_the_error_ratio_is_known(metrics: Prometheus, prometheus: str) -> None:
    seen = await number(metrics, prometheus, RATIO, samples="http_requests_total")
    assert (seen.finding, seen.kind) == (Finding.OK, MetricKind.SEEN)
    assert seen.value == pytest.approx(32 / 200)
    assert seen.reason == "0.16 of backend"


async def test_a_scalar_will_do(metrics: Prometheus, prometheus: str) -> None:
    assert (await number(metrics, prometheus, "scalar(vector(42))")).value == 42


async def test_the_expression_of_the_source_is_always_one(metrics: Prometheus, prometheus: str) -> None:
    """Without `sum` each series is divided by itself, whatever the true ratio is."""
    seen = await number(metrics, prometheus, AS_THE_SOURCE_HAS_IT)
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, MetricKind.SEVERAL)
    by_route = QueryByLabel(url=prometheus, query=AS_THE_SOURCE_HAS_IT, label="route")
    broken = await ActivityEnvironment().run(metrics.query_by_label, by_route)
    assert [one.value for one in broken.values] == [1, 1]


async def test_the_worst_routes_come_first(metrics: Prometheus, prometheus: str) -> None:
    request = QueryByLabel(url=prometheus, query=BY_ROUTE, label="route")
    seen = await ActivityEnvironment().run(metrics.query_by_label, request)
    assert [one.label for one in seen.values] == ["/checkout", "/cart"]
    assert [one.value for one in seen.values] == [pytest.approx(0.30), pytest.approx(0.02)]
    assert seen.reason == "/checkout 0.3, /cart 0.02"
    one = request.model_copy(update={"top": 1})
    assert len((await ActivityEnvironment().run(metrics.query_by_label, one)).values) == 1


async def test_a_series_has_its_points_and_no_more_than_asked_for(
    metrics: Prometheus, prometheus: str
) -> None:
    half_an_hour = QueryRange(
        url=prometheus, query="heap", over=timedelta(minutes=30), step=timedelta(seconds=60)
    )
    seen = await ActivityEnvironment().run(metrics.query_range, half_an_hour)
    assert (seen.finding, len(seen.points)) == (Finding.OK, 31)
    assert seen.points[-1].value - seen.points[0].value == 1800 / STEP
    assert seen.points == tuple(sorted(seen.points, key=lambda point: point.at))

    fine = half_an_hour.model_copy(update={"step": timedelta(seconds=1), "over": timedelta(hours=1)})
    many = await ActivityEnvironment().run(metrics.query_range, fine)
    assert 400 < len(many.points) <= MOST_POINTS


@pytest.mark.parametrize(
    ("query", "kind", "why"),
    [
        ("no_such_metric", MetricKind.EMPTY, "has no data for this query of backend"),
        ("sum(heap) * 0 / 0", MetricKind.NOT_A_NUMBER, "no finite number"),
        ("sum(heap) / 0", MetricKind.NOT_A_NUMBER, "no finite number"),
        ("http_requests_total", MetricKind.SEVERAL, "4 series where one is needed"),
        ("sum(rate(heap[5m])", MetricKind.REFUSED_QUERY, "unclosed left parenthesis"),
        ("heap + on() http_requests_total", MetricKind.REFUSED_QUERY, "refuses the query of backend"),
    ],
)
async def test_the_ways_to_know_nothing(
    metrics: Prometheus, prometheus: str, query: str, kind: MetricKind, why: str
) -> None:
    seen = await number(metrics, prometheus, query)
    assert (seen.finding, seen.kind, seen.value) == (Finding.UNKNOWN, kind, None)
    assert why in seen.reason
    over_time = QueryRange(url=prometheus, query=query, over=timedelta(minutes=5))
    series = await ActivityEnvironment().run(metrics.query_range, over_time)
    assert (series.finding, series.points) == (Finding.UNKNOWN, ())
    assert series.kind is kind


async def test_a_value_of_samples_that_no_longer_come_is_stale(metrics: Prometheus, prometheus: str) -> None:
    without = await number(metrics, prometheus, "ended")
    assert without.value == 7, "Prometheus itself still shows it"
    seen = await number(metrics, prometheus, "ended", samples="ended")
    assert (seen.finding, seen.kind, seen.value) == (Finding.UNKNOWN, MetricKind.STALE, None)
    assert "the newest sample is 4 min" in seen.reason
    gone = await number(metrics, prometheus, "vector(1)", samples="no_such_metric")
    assert (gone.kind, gone.reason) == (MetricKind.STALE, "no sample within the last 5 min of backend")


async def test_prometheus_away_hung_or_somebody_else(metrics: Prometheus, httpserver: HTTPServer) -> None:
    away = await number(metrics, f"http://127.0.0.1:{closed_port()}", "up")
    assert (away.finding, away.kind) == (Finding.UNKNOWN, MetricKind.UNREACHABLE)
    assert away.reason.startswith("Prometheus cannot be asked: connection refused at")
    async with listening(silence) as port:
        hung = await number(metrics, f"http://127.0.0.1:{port}", "up", within=timedelta(milliseconds=300))
    assert (hung.kind, hung.finding) == (MetricKind.UNREACHABLE, Finding.UNKNOWN)
    for body, status in (("<html>", 200), ("{}", 200), ("", 503), ('{"status": "success"}', 302)):
        httpserver.clear()
        httpserver.expect_request("/api/v1/query").respond_with_data(body, status)
        other = await number(metrics, httpserver.url_for("/"), "up")
        assert (other.kind, other.finding) == (MetricKind.UNREACHABLE, Finding.UNKNOWN), body


async def test_the_past_can_be_asked_for(metrics: Prometheus, prometheus: str) -> None:
    until = datetime.now(UTC) - timedelta(minutes=20)
    request = QueryRange(url=prometheus, query="heap", over=timedelta(minutes=10), until=until)
    seen = await ActivityEnvironment().run(metrics.query_range, request)
    assert abs(seen.points[-1].at - until) < timedelta(seconds=STEP)
