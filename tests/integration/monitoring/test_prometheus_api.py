"""What speaks as Prometheus does and is another one, or has another clock."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.monitoring.metrics import MetricKind, QueryMetric, QueryRange
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.service_metrics import ServiceMetricActivities
from models.evidence.evidence import Finding
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics

Answers = Callable[[str, Request], Any]


@pytest.fixture
async def metrics() -> AsyncIterator[Prometheus]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Prometheus(client)


def vector(value: float | str, at: float | None = None) -> dict[str, Any]:
    one = {"metric": {}, "value": [at or time.time(), str(value)]}
    return {"resultType": "vector", "result": [one]}


def speaks(server: HTTPServer, answers: Answers, **more: Any) -> str:
    """Its address; `answers` gives the data of each query."""

    def answer(request: Request) -> Response:
        data = answers(request.args.get("query", ""), request)
        return Response(json.dumps({"status": "success", "data": data, **more}))

    for path in ("query", "query_range", "metadata"):
        server.expect_request(f"/api/v1/{path}").respond_with_handler(answer)
    return server.url_for("/")


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), -timedelta(minutes=10)], ids=["ahead", "behind"])
async def test_a_clock_that_differs_from_ours_makes_nothing_old_or_new(
    metrics: Prometheus, httpserver: HTTPServer, ahead: timedelta
) -> None:
    """Its samples are fresh by its own clock, and its points are told by ours."""
    skew = ahead.total_seconds()

    def answers(query: str, request: Request) -> Any:
        assert "time" not in request.args, "asked by our clock, it would answer of another time"
        theirs = time.time() + skew
        if query == "ratio" and "end" in request.args:
            assert abs(float(request.args["end"]) - theirs) < 5
            return {"resultType": "matrix", "result": [{"metric": {}, "values": [[theirs, "0.5"]]}]}
        return vector(theirs - 5 if query.startswith("max(timestamp") else theirs, theirs)

    url = speaks(httpserver, answers)
    fields = {"url": url, "query": "ratio", "samples": "http_requests_total"}
    one = await ActivityEnvironment().run(metrics.query_metric, QueryMetric.model_validate(fields))
    assert one.ok
    over = QueryRange.model_validate({**fields, "over": timedelta(minutes=5)})
    series = await ActivityEnvironment().run(metrics.query_range, over)
    assert abs(series.points[0].at - datetime.now(UTC)) < timedelta(seconds=5)


async def test_an_answer_without_some_of_the_stores_is_not_believed(
    metrics: Prometheus, httpserver: HTTPServer
) -> None:
    url = speaks(httpserver, lambda *_: vector(0.01), warnings=["no store answers for replica b"])
    seen = await ActivityEnvironment().run(metrics.query_metric, QueryMetric(url=url, query="ratio"))
    assert (seen.finding, seen.kind, seen.value) == (Finding.UNKNOWN, MetricKind.INCOMPLETE, None)
    assert "no store answers for replica b" in seen.reason


async def test_a_remark_on_the_expression_takes_nothing_from_its_answer(
    metrics: Prometheus, httpserver: HTTPServer
) -> None:
    remark = "PromQL info: metric might not be a counter"
    url = speaks(httpserver, lambda *_: vector(0.01), warnings=[remark], infos=[remark])
    seen = await ActivityEnvironment().run(metrics.query_metric, QueryMetric(url=url, query="ratio"))
    assert (seen.ok, seen.value) == (True, 0.01)


async def test_a_native_histogram_is_no_number(metrics: Prometheus, httpserver: HTTPServer) -> None:
    histogram = {"metric": {}, "histogram": [1.0, {"count": "3", "sum": "1", "buckets": []}]}
    url = speaks(httpserver, lambda *_: {"resultType": "vector", "result": [histogram]})
    seen = await ActivityEnvironment().run(metrics.query_metric, QueryMetric(url=url, query="seconds"))
    assert (seen.unknown, seen.reason) == (True, "the query gives a histogram, and no number")


@pytest.mark.parametrize("nonsense", ["NaN", "+Inf", "1e300", "-1e300"])
async def test_times_that_are_none_break_nothing(
    metrics: Prometheus, httpserver: HTTPServer, nonsense: str
) -> None:
    points = [[float(nonsense) if nonsense[0] in "-1" else 1e300, "1"], [time.time(), "0.5"]]
    series = {"resultType": "matrix", "result": [{"metric": {}, "values": points}]}
    url = speaks(httpserver, lambda _, asked: series if "end" in asked.args else vector(nonsense))
    asked = QueryMetric(url=url, query="ratio", samples="http_requests_total")
    assert (await ActivityEnvironment().run(metrics.query_metric, asked)).kind is MetricKind.STALE
    over = QueryRange(url=url, query="ratio", over=timedelta(minutes=5))
    assert len((await ActivityEnvironment().run(metrics.query_range, over)).points) == 1


@pytest.mark.parametrize(("kind", "known"), [("gauge", False), ("counter", True), ("", True)])
async def test_the_rate_of_a_gauge_is_no_error_rate(
    metrics: Prometheus, httpserver: HTTPServer, kind: str, known: bool
) -> None:
    def answers(query: str, request: Request) -> Any:
        if request.path.endswith("metadata"):
            return {request.args["metric"]: [{"type": kind, "help": "", "unit": ""}]} if kind else {}
        newest = query.startswith("max(timestamp")
        return vector(time.time() if newest else 0.5 if "5.." in query else 10)

    configured = ErrorMetrics(prometheus=speaks(httpserver, answers), samples="in_flight{job='backend'}")
    backend = Service(name="backend", manager=DockerManager(container="backend"), metrics=configured)
    seen = await ActivityEnvironment().run(ServiceMetricActivities(metrics).look_at_errors, backend)
    assert seen.bad is known
    if not known:
        assert (seen.unknown, "`in_flight` is a gauge" in seen.reason) == (True, True)


async def test_a_querier_without_its_stores_knows_nothing(
    metrics: Prometheus, httpserver: HTTPServer
) -> None:
    said = {"status": "error", "errorType": "execution", "error": "no StoreAPIs matched for this query"}
    httpserver.expect_request("/api/v1/query").respond_with_json(said, 422)
    seen = await ActivityEnvironment().run(
        metrics.query_metric, QueryMetric(url=httpserver.url_for("/"), query="ratio")
    )
    assert (seen.unknown, "no StoreAPIs matched" in seen.reason) == (True, True)
