"""The health check against real servers, well-behaved and not."""

from __future__ import annotations

import resource
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.health.health_seen import HealthKind, HealthSeen
from activities.health.probe import HealthActivities
from models.evidence.evidence import Finding
from models.service.service import DockerManager, HealthCheck, Service
from tests.parts.servers.sockets import closed_port, dripping, hang_up, listening, silence

QUICK = timedelta(milliseconds=400)


@pytest.fixture
async def health() -> AsyncIterator[HealthActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield HealthActivities(client)


def service(url: str, **check: Any) -> Service:
    check = {"timeout": timedelta(seconds=3), **check}
    return Service(
        name="backend", manager=DockerManager(container="backend"), health=HealthCheck(url=url, **check)
    )


async def probe(health: HealthActivities, target: Service) -> HealthSeen:
    seen = await ActivityEnvironment().run(health.probe_health, target)
    assert seen.observed_at is not None
    return seen


@pytest.mark.parametrize("word", ["ok", "OK", "healthy", "UP"])
async def test_a_healthy_body_is_healthy(health: HealthActivities, httpserver: HTTPServer, word: str) -> None:
    httpserver.expect_request("/health").respond_with_json({"status": word})
    seen = await probe(health, service(httpserver.url_for("/health")))
    assert (seen.finding, seen.kind, seen.status) == (Finding.OK, HealthKind.HEALTHY, 200)
    assert seen.latency is not None and seen.latency < 3


async def test_nobody_listens(health: HealthActivities) -> None:
    port = closed_port()
    seen = await probe(health, service(f"http://localhost:{port}/health"))
    assert (seen.finding, seen.kind) == (Finding.BAD, HealthKind.REFUSED)
    assert seen.reason == f"connection refused at http://localhost:{port}/health"


async def test_without_a_free_file_of_our_own_the_service_is_unknown(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    target = service(httpserver.url_for("/health"))
    httpserver.expect_request("/health").respond_with_json({"status": "ok"})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # all that are open are above it, or are these
    try:
        seen = await probe(health, target)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.UNREACHABLE)
    assert (await probe(health, target)).ok


async def test_a_connection_that_is_closed_without_an_answer_was_reset(health: HealthActivities) -> None:
    async with listening(hang_up) as port:
        seen = await probe(health, service(f"http://127.0.0.1:{port}/health"))
    assert (seen.finding, seen.kind) == (Finding.BAD, HealthKind.RESET)
    assert "closed without a valid answer" in seen.reason


async def test_silence_times_out(health: HealthActivities) -> None:
    async with listening(silence) as port:
        seen = await probe(health, service(f"http://127.0.0.1:{port}/health", timeout=QUICK))
    assert (seen.finding, seen.kind) == (Finding.BAD, HealthKind.TIMED_OUT)
    assert seen.reason == f"no answer within 0.4 s at http://127.0.0.1:{port}/health"


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b'HTTP/1.1 200 OK\r\n\r\n{"status": "'])
async def test_the_whole_answer_is_bounded_in_time_however_it_drips(
    health: HealthActivities, head: bytes
) -> None:
    began = time.monotonic()
    async with listening(dripping(head)) as port:
        seen = await probe(health, service(f"http://127.0.0.1:{port}/health", timeout=QUICK))
    assert (seen.finding, seen.kind) == (Finding.BAD, HealthKind.TIMED_OUT)
    assert time.monotonic() - began < 2


async def test_an_endless_body_is_not_read(health: HealthActivities) -> None:
    sent = 0

    async def flood(reader: Any, writer: Any) -> None:
        nonlocal sent
        await reader.read(1024)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            await writer.drain()
            sent += 65536

    async with listening(flood) as port:
        seen = await probe(health, service(f"http://127.0.0.1:{port}/health"))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.DOES_NOT_FIT)
    assert "more than 64 KiB" in seen.reason
    assert sent < 32 * 2**20, "only what fits into the sockets' buffers was ever sent"


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize("field", ["status", None])
async def test_an_error_status_is_told_with_its_body(
    health: HealthActivities, httpserver: HTTPServer, status: int, field: str | None
) -> None:
    httpserver.expect_request("/health").respond_with_data("no room in the queue", status=status)
    seen = await probe(health, service(httpserver.url_for("/health"), field=field))
    assert (seen.finding, seen.kind, seen.status) == (Finding.BAD, HealthKind.ERROR_STATUS, status)
    assert seen.body == seen.says == "no room in the queue"
    assert seen.reason == f"answered {status} at {httpserver.url_for('/health')}"


async def test_an_error_status_stands_even_if_its_body_never_ends(health: HealthActivities) -> None:
    async with listening(dripping(b"HTTP/1.1 503 Busy\r\n\r\n")) as port:
        seen = await probe(health, service(f"http://127.0.0.1:{port}/health", timeout=QUICK))
    assert (seen.finding, seen.kind, seen.status) == (Finding.BAD, HealthKind.ERROR_STATUS, 503)


async def test_a_redirect_is_not_followed(health: HealthActivities, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health").respond_with_data("", 302, {"Location": "/login"})
    httpserver.expect_request("/login").respond_with_json({"status": "ok"})
    seen = await probe(health, service(httpserver.url_for("/health")))
    assert (seen.finding, seen.kind, seen.status) == (Finding.UNKNOWN, HealthKind.DOES_NOT_FIT, 302)
    assert seen.body == "redirects to /login"
    assert "`health.url`" in seen.change and "/login" in seen.change
    assert len(httpserver.log) == 1


async def test_without_a_field_the_status_says_it_all(health: HealthActivities) -> None:
    async with listening(dripping(b"HTTP/1.1 204 No Content\r\n\r\n")) as port:
        seen = await probe(health, service(f"http://127.0.0.1:{port}/health", field=None))
    assert seen.ok


async def test_secrets_of_the_address_and_the_body_stay_here(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/health").respond_with_data("password=hunter2hunter2", status=500)
    seen = await probe(health, service(httpserver.url_for("/health") + "?token=t0ken"))
    assert seen.status == 500
    for secret in ("hunter2", "t0ken"):
        assert secret not in seen.model_dump_json()


def test_an_address_with_a_password_would_stand_in_every_history() -> None:
    with pytest.raises(ValidationError, match="must not hold a user or password"):
        service("http://me:s3cret@localhost/health")


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/health", "https://127.0.0.1:{tls}/health"])
async def test_what_says_nothing_about_the_service_is_unknown(
    health: HealthActivities, httpserver: HTTPServer, url: str
) -> None:
    seen = await probe(health, service(url.format(tls=httpserver.port)))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.UNREACHABLE), seen.reason


async def test_no_health_check_is_unknown(health: HealthActivities) -> None:
    seen = await probe(health, Service(name="batch", manager=DockerManager(container="batch")))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.NOT_CHECKED)
    assert seen.reason == "no health check is configured for batch"
