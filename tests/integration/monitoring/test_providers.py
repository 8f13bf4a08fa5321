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

from activities.monitoring.providers import ProviderActivities, ProviderKind, ProvidersSeen
from activities.support.http import retry_after
from models.evidence.evidence import Finding
from models.service.service import DockerManager, Service
from models.service.surroundings import Provider
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
        (301, Finding.OK, ProviderKind.UP),
        (401, Finding.OK, ProviderKind.UP),
        (404, Finding.OK, ProviderKind.UP),
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
