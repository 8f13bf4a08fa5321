"""Providers that answer, limit us, fail, hang and are not there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.monitoring.providers import ProviderActivities, ProviderKind, ProvidersSeen, WatchProviders
from activities.support.http import retry_after
from models.evidence.evidence import Finding
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics, Provider
from tests.parts.servers.sockets import closed_port, listening, silence

BRIEFLY = timedelta(milliseconds=400)


@pytest.fixture
async def providers() -> AsyncIterator[ProviderActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield ProviderActivities(client)


async def probe(providers: ProviderActivities, **urls: str) -> ProvidersSeen:
    asked = {name: Provider(url=url, timeout=BRIEFLY) for name, url in urls.items()}
    service = Service(name="backend", manager=DockerManager(container="backend"), providers=asked)
    seen = await ActivityEnvironment().run(providers.probe_providers, service)
    assert seen.observed_at is not None
    return seen


@pytest.mark.parametrize(
    ("status", "finding", "kind"),
    [
        (200, Finding.OK, ProviderKind.UP),
        (301, Finding.UNKNOWN, ProviderKind.NO_API),
        (400, Finding.UNKNOWN, ProviderKind.REFUSES_US),
        (401, Finding.UNKNOWN, ProviderKind.REFUSES_US),
        (403, Finding.UNKNOWN, ProviderKind.REFUSES_US),
        (404, Finding.UNKNOWN, ProviderKind.REFUSES_US),
        (407, Finding.UNKNOWN, ProviderKind.NO_API),
        (511, Finding.UNKNOWN, ProviderKind.NO_API),
        (429, Finding.BAD, ProviderKind.RATE_LIMITED),
        (500, Finding.BAD, ProviderKind.DOWN),
        (529, Finding.BAD, ProviderKind.DOWN),
    ],
)
async def test_what_an_answer_means(
    providers: ProviderActivities, httpserver: HTTPServer, status: int, finding: Finding, kind: ProviderKind
) -> None:
    httpserver.expect_request("/v1").respond_with_data("", status, {"Retry-After": "90"})
    seen = await probe(providers, openai=httpserver.url_for("/v1"))
    assert (seen.finding, seen.providers[0].kind, seen.providers[0].status) == (finding, kind, status)
    assert seen.providers[0].retry_after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("body", "finding", "kind"),
    [
        ('{"object": "list", "data": []}', Finding.OK, ProviderKind.UP),
        ('{"status": "ok"}', Finding.OK, ProviderKind.UP),
        ('{"status": "down"}', Finding.BAD, ProviderKind.DOWN),
        ('{"status": "degraded"}', Finding.UNKNOWN, ProviderKind.NOT_SEEN),
        ('{"status": {"indicator": "none"}}', Finding.OK, ProviderKind.UP),
        ('{"status": {"indicator": "critical"}}', Finding.BAD, ProviderKind.DOWN),
        ('{"status": {"indicator": "minor"}}', Finding.UNKNOWN, ProviderKind.NOT_SEEN),
        ('{"status": {"indicator": 3}}', Finding.OK, ProviderKind.UP),
        ('{"status": "operational"}', Finding.OK, ProviderKind.UP),
        ('{"status": "major_outage"}', Finding.BAD, ProviderKind.DOWN),
        ('{"status": "partial_outage"}', Finding.UNKNOWN, ProviderKind.NOT_SEEN),
        ("  <!doctype html><title>Log in to the network</title>", Finding.UNKNOWN, ProviderKind.NO_API),
        ("[" * 100_000, Finding.OK, ProviderKind.UP),
    ],
    ids=[
        "its API",
        "its own word is good",
        "its own word is bad",
        "its own word is half",
        "status page: all is well",
        "status page: down",
        "status page: some of it",
        "another status",
        "status page in one word",
        "status page in one word: down",
        "status page in one word: some of it",
        "the page of a proxy",
        "nonsense",
    ],
)
async def test_what_a_good_status_comes_with(
    providers: ProviderActivities, httpserver: HTTPServer, body: str, finding: Finding, kind: ProviderKind
) -> None:
    httpserver.expect_request("/v1").respond_with_data(body, 200)
    seen = await probe(providers, openai=httpserver.url_for("/v1"))
    assert (seen.finding, seen.providers[0].kind) == (finding, kind)


BRIEF = timedelta(seconds=0.3)


def metrics(url: str) -> ErrorMetrics:
    return ErrorMetrics(prometheus=url, samples="", by_provider="failed / all by (provider)")


async def calls(server: HTTPServer, shares: dict[str, str]) -> None:
    """Prometheus says that such shares of the application's calls fail."""
    series = [{"metric": {"provider": name}, "value": [time.time(), share]} for name, share in shares.items()]
    data = {"resultType": "vector", "result": series}
    server.expect_request("/api/v1/query").respond_with_json({"status": "success", "data": data})


@pytest.mark.parametrize(
    ("shares", "finding", "failing"),
    [
        ({"openai": "0.9", "pika": "0.1"}, Finding.BAD, ["openai"]),
        ({"openai": "0.1"}, Finding.OK, []),
        ({"openai": "NaN"}, Finding.UNKNOWN, []),
        ({"openai": "70"}, Finding.UNKNOWN, []),
        ({}, Finding.UNKNOWN, []),
    ],
)
async def test_how_the_applications_own_calls_fare(
    providers: ProviderActivities,
    httpserver: HTTPServer,
    shares: dict[str, str],
    finding: Finding,
    failing: list[str],
) -> None:
    await calls(httpserver, shares)
    backend = Service(
        name="backend",
        manager=DockerManager(container="backend"),
        metrics=metrics(httpserver.url_for("/")),
    )
    seen = await ActivityEnvironment().run(providers.look_at_provider_calls, backend)
    assert (seen.finding, [one.label for one in seen.failing]) == (finding, failing)


@pytest.mark.parametrize(
    ("status", "shares", "by_calls", "back"),
    [
        (200, {}, False, True),
        (401, {}, False, True),
        (500, {}, False, False),
        (302, {}, False, False),
        (401, {"openai": "0.9"}, False, False),
        (401, {}, True, False),
        (200, {}, True, False),
        (401, {"openai": "0.0"}, True, True),
        (200, {"openai": "0.9"}, True, False),
    ],
)
async def test_whoever_saw_that_it_is_down_must_see_that_it_is_back(
    providers: ProviderActivities,
    httpserver: HTTPServer,
    status: int,
    shares: dict[str, str],
    by_calls: bool,
    back: bool,
) -> None:
    """A probe that answered 401 all along proves nothing; one that did not answer, and does now, does."""
    httpserver.expect_request("/v1").respond_with_data("", status)
    await calls(httpserver, shares)
    service = Service(
        name="backend",
        manager=DockerManager(container="backend"),
        providers={"openai": Provider(url=httpserver.url_for("/v1"))},
        metrics=metrics(httpserver.url_for("/")),
    )
    request = WatchProviders(service=service, stable_for=BRIEF, at_most=2 * BRIEF, by_calls=by_calls)
    watched = await ActivityEnvironment().run(providers.watch_providers, request)
    assert watched.ok is back


async def test_all_are_asked_at_the_same_time_and_the_broken_ones_are_named(
    providers: ProviderActivities, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v1").respond_with_data("", 200)
    began = time.monotonic()
    async with listening(silence) as port:
        hung = {f"hung{number}": f"http://127.0.0.1:{port}/" for number in range(8)}
        seen = await probe(
            providers,
            anthropic=httpserver.url_for("/v1"),
            refused=f"http://127.0.0.1:{closed_port()}/",
            nowhere="http://no-such-host.invalid/",
            **hung,
        )
    assert time.monotonic() - began < 8 * BRIEFLY.total_seconds()
    assert seen.bad
    assert {one.name for one in seen.down} == {"refused", *hung}
    kinds = {one.name: one.kind for one in seen.providers}
    assert (kinds["anthropic"], kinds["nowhere"]) == (ProviderKind.UP, ProviderKind.NOT_SEEN)
    assert "refused: connection refused at" in seen.reason


async def test_what_cannot_be_seen_is_not_down(providers: ProviderActivities) -> None:
    seen = await probe(providers, pika="http://no-such-host.invalid/")
    assert (seen.finding, seen.down) == (Finding.UNKNOWN, ())
    assert (await probe(providers)).reason == "no providers are configured"


def test_servers_say_how_long_to_wait_in_seconds_or_by_a_date() -> None:
    assert retry_after("120") == timedelta(seconds=120)
    assert retry_after("9" * 30) == timedelta(days=7)
    in_an_hour = retry_after(format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True))
    assert in_an_hour is not None and timedelta(minutes=59) < in_an_hour <= timedelta(hours=1)
    assert retry_after("Fri, 31 Dec 1999 23:59:59 GMT") == timedelta()
    for nonsense in ("", "soon", "-5", "²"):
        assert retry_after(nonsense) is None
