"""The time to answer, out of a real Prometheus: the known number, and each way in which it can mislead."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.monitoring.latency import LatencyActivities, LatencySeen
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.provider_latency import (
    ProviderTimeActivities,
    ProviderTimesSeen,
    WatchProviderTimes,
)
from models.evidence.evidence import Finding, VerificationRequest, VerificationResult
from models.service.latency import LatencyMetrics
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics, Provider
from tests.parts.servers.prometheus_server import prometheus_with
from tests.parts.servers.sockets import closed_port

STEP = 15
AN_HOUR = 3600
AHEAD = 600
"""Samples up to so many seconds from now: the tests take a while."""

Rates = Mapping[str, float]
"""Requests a second by the bound of their bucket: each counts in it and in all above it."""
Shape = Callable[[int], Rates]
"""So many seconds ago."""

FAST: Rates = {"0.1": 2, "1": 0, "4": 0, "+Inf": 0}
SLOW: Rates = {"0.1": 1, "1": 0, "4": 1, "+Inf": 0}
"""Half of the requests take between one and four seconds: p95 is 3.7 s, p99 3.94 s."""


def always(rates: Rates) -> Shape:
    return lambda _: rates


def changes(ago: int, before: Rates, then: Rates) -> Shape:
    return lambda now: before if now > ago else then


HTTP: dict[str, dict[str, Shape]] = {
    "slow": {"/a": always(SLOW)},
    "fast": {"/a": always(FAST)},
    "one-route": {"/a": always({"0.1": 9, "1": 0, "4": 0, "+Inf": 0}), "/b": always(SLOW)},
    "since": {"/a": changes(900, FAST, SLOW)},
    "grown": {"/a": changes(900, FAST, {"0.1": 5, "1": 0, "4": 5, "+Inf": 0})},
    "quiet": {"/a": always(dict.fromkeys(FAST, 0))},
    "rare": {"/a": always({"0.1": 0.01, "1": 0, "4": 0.01, "+Inf": 0})},
    "beyond": {"/a": always({"0.1": 1, "1": 0, "4": 0, "+Inf": 1})},
    "beyond-small": {"/a": always({"0.1": 1, "0.5": 0, "+Inf": 1})},
    "coarse": {"/a": always({"2": 2, "10": 0, "+Inf": 0})},
    "single": {"/a": always({"4": 2, "+Inf": 0})},
    "only-inf": {"/a": always({"+Inf": 2})},
    "health": {"/health": always({"0.1": 90, "1": 0, "4": 0, "+Inf": 0}), "/a": always(SLOW)},
    "stopped": {"/a": lambda ago: SLOW if ago > 400 else {}},
}
CALLS: dict[str, Shape] = {
    "openai": always({"1": 1, "10": 1, "+Inf": 0}),
    "pika": changes(900, {"1": 1, "10": 0, "+Inf": 0}, {"1": 1, "10": 1, "+Inf": 0}),
    "fast": always({"1": 1, "10": 0, "+Inf": 0}),
    "rare": lambda ago: {"1": 0, "10": 0, "60": 1 / STEP if 120 <= ago < 120 + STEP else 0, "+Inf": 0},
}


def openmetrics(now: int) -> str:
    lines = ["# TYPE http_request_duration_seconds histogram"]
    for job, routes in HTTP.items():
        for route, shape in routes.items():
            lines += _histogram("http_request_duration_seconds", f'job="{job}",route="{route}"', shape, now)
    lines += ["# TYPE external_request_duration_seconds histogram"]
    for provider, shape in CALLS.items():
        lines += _histogram("external_request_duration_seconds", f'provider="{provider}"', shape, now)
    lines += ["# TYPE nodejs_gc_duration_seconds summary"]
    for kind in ("major", "minor"):
        at = range(AN_HOUR, -AHEAD, -STEP)
        name = f'nodejs_gc_duration_seconds_sum{{instance="a",kind="{kind}"}}'
        lines += [f"{name} {(AN_HOUR - ago) * 0.1:g} {now - ago}" for ago in at]
    return "\n".join([*lines, "# EOF", ""])


def _histogram(name: str, labels: str, shape: Shape, now: int) -> Iterator[str]:
    counts: dict[str, float] = {}
    for ago in range(AN_HOUR, -AHEAD, -STEP):
        rates, below = shape(ago), 0.0
        for bound, rate in rates.items():
            below += rate
            counts[bound] = counts.get(bound, 0) + below * STEP
            yield f'{name}_bucket{{{labels},le="{bound}"}} {counts[bound]:g} {now - ago}'
        if rates:
            yield f"{name}_count{{{labels}}} {counts['+Inf']:g} {now - ago}"


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(openmetrics(int(time.time())), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


def service(url: str, job: str, **more: Any) -> Service:
    """The shipped expressions, for one job."""
    usual = LatencyMetrics()
    of = {
        name: getattr(usual, name).replace("{route", f'{{job="{job}",route')
        for name in ("p95", "p99", "by_route", "buckets", "traffic")
    }
    samples = f'http_request_duration_seconds_count{{job="{job}"}}'
    latency = LatencyMetrics.model_validate({**of, "samples": samples, "usual_over": "40m", **more})
    metrics = ErrorMetrics(prometheus=url, latency=latency)
    return Service(name="backend", manager=DockerManager(container="backend"), metrics=metrics)


async def look(http: httpx.AsyncClient, url: str, job: str, **more: Any) -> LatencySeen:
    activities = LatencyActivities(Prometheus(http))
    return await ActivityEnvironment().run(activities.look_at_latency, service(url, job, **more))


async def test_the_known_numbers(http: httpx.AsyncClient, prometheus: str) -> None:
    seen = await look(http, prometheus, "slow")
    assert seen.bad
    assert seen.p95 == pytest.approx(3.7, abs=0.01)
    assert seen.p99 == pytest.approx(3.94, abs=0.01)
    assert seen.traffic == pytest.approx(2, abs=0.01)
    assert [(one.label, round(one.value, 1)) for one in seen.routes] == [("/a", 3.7)]
    assert seen.reason.startswith("p95 is 3.7 s, over its 1 s, at 2.0 requests a second; p99 3.94 s")
    assert "it always is that slow, or the threshold is too low" in seen.reason
    fast = await look(http, prometheus, "fast")
    assert (fast.ok, fast.routes, fast.since) == (True, (), None)


async def test_since_when_and_what_was_usual(http: httpx.AsyncClient, prometheus: str) -> None:
    seen = await look(http, prometheus, "since")
    assert seen.observed_at and seen.since and seen.good_until
    assert timedelta(minutes=10) < seen.observed_at - seen.since < timedelta(minutes=16)
    assert seen.good_until < seen.since
    assert seen.usual == pytest.approx(0.095, abs=0.01)
    grown = await look(http, prometheus, "grown")
    assert grown.traffic == pytest.approx(10, abs=0.1)
    assert grown.usual_traffic == pytest.approx(2, abs=0.1)


async def test_too_short_a_past_makes_nothing_usual(http: httpx.AsyncClient, prometheus: str) -> None:
    seen = await look(http, prometheus, "slow", usual_over="9s")
    assert (seen.usual, seen.usual_traffic) == (None, None)


async def test_one_slow_route_is_named(http: httpx.AsyncClient, prometheus: str) -> None:
    seen = await look(http, prometheus, "one-route")
    assert [one.label for one in seen.routes] == ["/b"]


async def test_health_checks_hide_nothing(http: httpx.AsyncClient, prometheus: str) -> None:
    seen = await look(http, prometheus, "health")
    assert seen.bad
    assert seen.traffic == pytest.approx(2, abs=0.01)


@pytest.mark.parametrize(
    ("job", "more", "why"),
    [
        ("quiet", {}, "there is no traffic, so nobody knows"),
        ("rare", {}, "too little traffic to judge by"),
        ("stopped", {}, "no sample within"),
        ("single", {}, "a single bucket tells nothing"),
        ("coarse", {}, "p95 is somewhere within 2 s, the least bound of its histogram: whether it is over 1"),
        ("only-inf", {}, "there was nothing to divide by"),
        ("beyond-small", {}, "p95 is over 0.5 s, the largest bound of its histogram: whether it is over 1 s"),
        ("nobody", {}, "no sample within"),
        ("slow", {"p95": "up{"}, "Prometheus refuses the query"),
        ("slow", {"p95": "vector(350) or my_duration_ms_bucket"}, "not in seconds, but asks for `ms`"),
        ("slow", {"p95": "-vector(1)"}, "it is -1 s"),
    ],
)
async def test_what_the_histogram_cannot_tell_is_unknown(
    http: httpx.AsyncClient, prometheus: str, job: str, more: dict[str, Any], why: str
) -> None:
    seen = await look(http, prometheus, job, **more)
    assert (seen.finding, seen.p95) == (Finding.UNKNOWN, None)
    assert why in seen.reason


async def test_beyond_the_largest_bound_is_slow_where_that_is_over_the_threshold(
    http: httpx.AsyncClient, prometheus: str
) -> None:
    seen = await look(http, prometheus, "beyond")
    assert (seen.finding, seen.p95) == (Finding.BAD, 4)
    assert "p95 is over 4 s, the largest bound of its histogram" in seen.reason


async def test_a_buckets_expression_that_fails_hides_nothing(
    http: httpx.AsyncClient, prometheus: str
) -> None:
    """Native histograms have no buckets by `le`."""
    assert (await look(http, prometheus, "slow", buckets="")).bad


async def test_prometheus_that_is_away_is_unknown(http: httpx.AsyncClient) -> None:
    assert (await look(http, f"http://127.0.0.1:{closed_port()}", "slow")).unknown


@pytest.mark.parametrize(
    ("job", "finding"), [("fast", Finding.OK), ("slow", Finding.BAD), ("quiet", Finding.UNKNOWN)]
)
async def test_only_fast_answers_with_traffic_prove_it(
    http: httpx.AsyncClient, prometheus: str, job: str, finding: Finding
) -> None:
    about = service(prometheus, job)
    assert about.metrics
    metrics = about.metrics.model_copy(update={"settle": timedelta(seconds=0.2)})
    request = VerificationRequest(
        service=about.model_copy(update={"metrics": metrics}), stable_for=timedelta(seconds=0.3)
    )
    watch = LatencyActivities(Prometheus(http)).watch_latency
    watched: VerificationResult = await ActivityEnvironment().run(watch, request)
    assert watched.finding is finding


async def test_collecting_garbage_has_a_share_of_its_time(http: httpx.AsyncClient, prometheus: str) -> None:
    look_at = LatencyActivities(Prometheus(http)).look_at_collecting
    about = service(prometheus, "slow", samples="nodejs_gc_duration_seconds_sum")
    seen = await ActivityEnvironment().run(look_at, about)
    assert seen.bad
    assert seen.share == pytest.approx(0.2, abs=0.01)


BY_PROVIDER = (
    "histogram_quantile(0.95, sum by (le, provider) (rate(external_request_duration_seconds_bucket[5m])))"
)


async def times(http: httpx.AsyncClient, about: Service) -> ProviderTimesSeen:
    return await ActivityEnvironment().run(ProviderTimeActivities(http).look_at_provider_times, about)


async def test_a_provider_is_slow_if_it_is_slower_than_usual(
    http: httpx.AsyncClient, prometheus: str
) -> None:
    """One that writes texts always takes nine seconds; another does so since a while."""
    seen = await times(http, service(prometheus, "slow", by_provider=BY_PROVIDER))
    assert seen.bad and seen.by_calls
    assert [(one.label, round(one.value)) for one in seen.slow] == [("pika", 9)]
    assert set(seen.fast) == {"openai", "fast"}
    assert "pika takes 9.1 s, usually 0.95 s" in seen.reason


async def test_one_call_that_took_forty_seconds_is_no_slow_provider(
    http: httpx.AsyncClient, prometheus: str
) -> None:
    calls = BY_PROVIDER.replace("_bucket[", '_bucket{provider=~"rare|fast"}[')
    seen = await times(http, service(prometheus, "slow", by_provider=calls))
    assert (seen.ok, seen.fast) == (True, ("fast",)), seen.reason


@pytest.mark.parametrize(("after", "finding"), [(0.0, Finding.OK), (0.3, Finding.BAD)])
async def test_without_calls_each_provider_is_probed(
    http: httpx.AsyncClient, prometheus: str, httpserver: HTTPServer, after: float, finding: Finding
) -> None:
    def late(_: Request) -> Response:
        time.sleep(after)  # how slow the provider is
        return Response("{}", 401)

    httpserver.expect_request("/v1").respond_with_handler(late)
    about = service(prometheus, "slow", by_provider="no_such_metric", provider_threshold="200ms")
    providers = {"openai": Provider(url=httpserver.url_for("/v1"))}
    seen = await times(http, about.model_copy(update={"providers": providers}))
    assert (seen.finding, seen.by_calls) == (finding, False)


async def test_a_provider_that_cannot_be_reached_is_not_slow(
    http: httpx.AsyncClient, prometheus: str
) -> None:
    about = service(prometheus, "slow", provider_threshold="1ms")
    for address in (f"http://127.0.0.1:{closed_port()}/", "http://no-such-host.invalid/"):
        providers = {"openai": Provider(url=address)}
        assert (await times(http, about.model_copy(update={"providers": providers}))).unknown


async def test_one_late_answer_is_no_slow_provider(
    http: httpx.AsyncClient, prometheus: str, httpserver: HTTPServer
) -> None:
    def late(_: Request) -> Response:
        time.sleep(0.5)  # how slow it is this once
        return Response("{}")

    httpserver.expect_ordered_request("/v1").respond_with_handler(late)
    for _ in range(2):
        httpserver.expect_ordered_request("/v1").respond_with_data("{}")
    about = service(prometheus, "slow", provider_threshold="200ms")
    providers = {"openai": Provider(url=httpserver.url_for("/v1"))}
    assert (await times(http, about.model_copy(update={"providers": providers}))).ok


async def test_calls_that_are_slow_are_told_beside_a_probe_that_is_fast(
    http: httpx.AsyncClient, prometheus: str, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v1").respond_with_data("{}")
    about = service(prometheus, "slow", by_provider=BY_PROVIDER)
    providers = {"pika": Provider(url=httpserver.url_for("/v1"))}
    seen = await times(http, about.model_copy(update={"providers": providers}))
    assert (seen.bad, seen.probed_fast) == (True, ("pika",))


@pytest.mark.parametrize("by_provider", ["no_such_metric", BY_PROVIDER], ids=["no calls", "calls of others"])
@pytest.mark.parametrize(("name", "ok"), [("silent", False), ("fast", None)])
async def test_a_probe_that_was_fast_all_the_time_does_not_prove_it_fast_again(
    http: httpx.AsyncClient,
    prometheus: str,
    httpserver: HTTPServer,
    by_provider: str,
    name: str,
    ok: bool | None,
) -> None:
    """In the degraded mode it is not called, and its slow calls are out of sight."""
    httpserver.expect_request("/v1").respond_with_data("{}")
    calls = by_provider.replace("_bucket[", '_bucket{provider="fast"}[')
    about = service(prometheus, "slow", by_provider=calls)
    about = about.model_copy(update={"providers": {name: Provider(url=httpserver.url_for("/v1"))}})
    request = WatchProviderTimes(
        service=about,
        stable_for=timedelta(seconds=0.2),
        at_most=timedelta(seconds=1),
        only_by_calls=(name,),
    )
    watched = await ActivityEnvironment().run(ProviderTimeActivities(http).watch_provider_times, request)
    assert watched.ok is (by_provider == BY_PROVIDER if ok is None else ok)
    request = request.model_copy(update={"only_by_calls": ()})
    assert (await ActivityEnvironment().run(ProviderTimeActivities(http).watch_provider_times, request)).ok
