"""What services and what stands before them really answer to a health check, and what that means."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.health.health_seen import HealthKind, HealthSeen
from activities.health.probe import HealthActivities
from models.evidence.evidence import Finding, VerificationRequest, VerificationResult
from models.service.service import DockerManager, HealthCheck, Service
from tests.parts.servers.sockets import listening

Body = str | bytes | dict[str, Any] | list[Any]


@pytest.fixture
async def health() -> AsyncIterator[HealthActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield HealthActivities(client)


def service(url: str, **check: Any) -> Service:
    return Service(
        name="backend", manager=DockerManager(container="backend"), health=HealthCheck(url=url, **check)
    )


async def answered(
    health: HealthActivities,
    server: HTTPServer,
    body: Body,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **check: Any,
) -> HealthSeen:
    content = json.dumps(body) if isinstance(body, dict | list) else body
    server.expect_request("/health").respond_with_data(content, status, headers)
    target = service(server.url_for("/health"), **check)
    return await ActivityEnvironment().run(health.probe_health, target)


async def said(health: HealthActivities, raw: bytes) -> HealthSeen:
    """The probe of a server that answers with exactly these bytes, and closes."""

    async def talk(reader: Any, writer: Any) -> None:
        await reader.read(4096)
        writer.write(raw)
        await writer.drain()

    async with listening(talk) as port:
        target = service(f"http://127.0.0.1:{port}/health")
        return await ActivityEnvironment().run(health.probe_health, target)


# It answers, and the check does not fit it: nothing to act on, and what to change.


@pytest.mark.parametrize(
    ("status", "body", "change"),
    [
        (401, {"status": "error", "message": "unauthorized"}, "needs none"),
        (403, "Forbidden", "from this host"),
        (404, {"status": "DOWN"}, "path that tells its health"),
        (405, "", "path that tells its health"),
        (407, "", "NO_PROXY"),
        (410, "", "`health.url`"),
        (501, "", "`health.url`"),
        (200, "Prometheus Server is Healthy.\n", "`health.healthy`"),
        (200, "<!doctype html><title>down</title>", "`health.url`"),
        (200, "", "`null`"),
        (204, "", "`null`"),
        (200, {"state": "ok", "version": "1.2"}, "`health.field`"),
        (200, {"status": {"db": "ok"}}, "`status.NAME`"),
        (200, {"status": None}, "`status.NAME`"),
        (200, {"status": "nominal"}, "add 'nominal' to `health.healthy`"),
        (200, ["ok"], "`null`"),
        (200, "[" * 40000, "`health.healthy`"),
        (200, "[" * 60000, "`health.url`"),
    ],
)
async def test_an_answer_that_the_check_does_not_expect_is_no_trouble_of_the_service(
    health: HealthActivities, httpserver: HTTPServer, status: int, body: Body, change: str
) -> None:
    seen = await answered(health, httpserver, body, status)
    assert (seen.finding, seen.kind, seen.status) == (Finding.UNKNOWN, HealthKind.DOES_NOT_FIT, status)
    assert seen.answers
    assert change in seen.change
    assert seen.reason.startswith(f"the health check does not fit: answered {status} at ")
    assert seen.reason.endswith(seen.change)
    assert len(seen.model_dump_json()) < 2000


async def test_who_answers_and_cannot_say_that_it_is_well_proves_no_recovery(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/health").respond_with_data("", 404)
    every, settle = timedelta(milliseconds=20), timedelta(milliseconds=200)
    target = service(httpserver.url_for("/health"), every=every, settle=settle)
    asked = VerificationRequest(service=target, stable_for=timedelta(minutes=5))
    watched: VerificationResult = await ActivityEnvironment().run(health.watch_health, asked)
    assert watched.bad, "known within its settle time, and not after three windows without sight"
    assert "answered 404" in watched.reason


@pytest.mark.parametrize(
    "raw",
    [
        b"+OK ready\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50",
    ],
)
async def test_a_port_that_speaks_another_protocol_does_not_fit(health: HealthActivities, raw: bytes) -> None:
    seen = await said(health, raw)
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.DOES_NOT_FIT)
    assert "scheme or the port" in seen.change


# Its own word.


@pytest.mark.parametrize(
    "body",
    ["OK", "ok\n", '"ok"', "Healthy", "\ufeffUP", {"status": "PASS"}, {"status": "Ok."}],
)
async def test_a_healthy_word_is_enough_as_text_or_at_the_field(
    health: HealthActivities, httpserver: HTTPServer, body: Body
) -> None:
    assert (await answered(health, httpserver, body)).kind is HealthKind.HEALTHY


async def test_a_field_may_be_further_in(health: HealthActivities, httpserver: HTTPServer) -> None:
    seen = await answered(health, httpserver, {"data": {"status": "ok"}}, field="data.status")
    assert seen.ok


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_a_byte_order_mark_is_read_over(
    health: HealthActivities, httpserver: HTTPServer, encoding: str
) -> None:
    assert (await answered(health, httpserver, '{"status": "ok"}'.encode(encoding))).ok


async def test_latin_1_is_read(health: HealthActivities, httpserver: HTTPServer) -> None:
    seen = await answered(health, httpserver, '{"status": "ok", "région": "Genève"}'.encode("latin-1"))
    assert seen.ok


async def test_gzip_that_nobody_asked_for_is_read(health: HealthActivities, httpserver: HTTPServer) -> None:
    packed = gzip.compress(b'{"status": "ok"}')
    assert (await answered(health, httpserver, packed, headers={"Content-Encoding": "gzip"})).ok


async def test_a_body_in_another_encoding_than_it_says_does_not_fit(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    seen = await answered(health, httpserver, b'{"status": "ok"}', headers={"Content-Encoding": "gzip"})
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.DOES_NOT_FIT)


async def test_http_1_0_is_spoken(health: HealthActivities) -> None:
    assert (await said(health, b'HTTP/1.0 200 OK\r\n\r\n{"status": "ok"}')).ok


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a chunk",
        b'HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"status": "ok"}',
    ],
)
async def test_an_answer_that_breaks_off_is_a_connection_that_was_reset(
    health: HealthActivities, raw: bytes
) -> None:
    seen = await said(health, raw)
    assert (seen.finding, seen.kind) == (Finding.BAD, HealthKind.RESET)


SPRING = {
    "status": "DOWN",
    "components": {
        "db": {"status": "DOWN", "details": {"error": "JDBCConnectionException: no connection"}},
        "diskSpace": {"status": "UP", "details": {"free": 1}},
    },
}
MICROPROFILE = {
    "status": "DOWN",
    "checks": [
        {"name": "Database connections health check", "status": "DOWN"},
        {"name": "live", "status": "UP"},
    ],
}
HEALTH_JSON = {
    "status": "fail",
    "checks": {
        "postgres:connections": [{"status": "fail", "output": "no connection left"}],
        "uptime": [{"status": "pass"}],
    },
}
TERMINUS = {
    "status": "error",
    "info": {"storage": {"status": "up"}},
    "error": {"database": {"status": "down", "message": "timeout of 1000ms exceeded"}},
    "details": {"storage": {"status": "up"}, "database": {"status": "down"}},
}
ASP_NET = {"status": "Unhealthy", "entries": {"sqlserver": {"status": "Unhealthy", "description": "login"}}}
FLAT = {"status": "error", "database": "down", "redis": "ok"}
DJANGO = {"DatabaseBackend": "unavailable: OperationalError", "DefaultFileStorageHealthCheck": "working"}
SENTENCES = {
    "status": "error",
    "checks": {"database": "connect ECONNREFUSED 10.0.0.5:5432", "redis": "connected in 2 ms, no errors"},
}
KUBERNETES = "[+]ping ok\n[-]postgres failed: reason withheld\nreadyz check failed"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (SPRING, ("db",)),
        (MICROPROFILE, ("Database connections health check",)),
        (HEALTH_JSON, ("postgres:connections",)),
        (TERMINUS, ("database",)),
        (ASP_NET, ("sqlserver",)),
        (FLAT, ("database",)),
        (DJANGO, ("DatabaseBackend",)),
        (SENTENCES, ("database",)),
        ({"status": "error", "dependencies": {"pg": "Can't reach database server"}}, ("pg",)),
        (
            {"checks": {"database": "timed out after 3 s", "cache": "not configured"}},
            ("database",),
        ),
        (KUBERNETES, ("postgres",)),
        ({"status": "error", "message": "Can't reach database server at `postgres:5432`"}, ()),
        ("FATAL: sorry, too many clients already", ()),
    ],
)
async def test_what_a_failing_service_names_is_told_whatever_its_framework(
    health: HealthActivities, httpserver: HTTPServer, body: Body, names: tuple[str, ...]
) -> None:
    seen = await answered(health, httpserver, body, 503)
    assert (seen.finding, seen.kind) == (Finding.BAD, HealthKind.UNHEALTHY_BODY), seen.reason
    assert seen.names == names
    assert seen.blames_database


@pytest.mark.parametrize(
    ("body", "names", "blamed"),
    [
        ({"status": "error", "checks": {"openai": {"status": "down"}}}, ("openai",), ("openai",)),
        ({"status": "down", "error": "Pika API: circuit is open"}, (), ("pika",)),
        (
            {"status": "DOWN", "components": {"elevenLabs": {"status": "DOWN"}}},
            ("elevenLabs",),
            ("eleven-labs",),
        ),
        ({"status": "error", "redis": "down: database 0 is loading"}, ("redis",), ()),
        ({"status": "error", "checks": {"queue": {"healthy": False}}}, ("queue",), ()),
        (
            {"status": "error", "checks": {"database": "PostgreSQL 16.2", "pika": "denied"}},
            ("pika",),
            ("pika",),
        ),
        ({"status": "error", "checks": {"redis": "connection to database 0 refused"}}, ("redis",), ()),
    ],
)
async def test_who_is_blamed_is_found_among_what_the_configuration_knows(
    health: HealthActivities,
    httpserver: HTTPServer,
    body: Body,
    names: tuple[str, ...],
    blamed: tuple[str, ...],
) -> None:
    seen = await answered(health, httpserver, body, 500)
    assert seen.kind is HealthKind.UNHEALTHY_BODY
    assert (seen.names, seen.blames(("openai", "pika", "eleven-labs"))) == (names, blamed)
    assert not seen.blames_database


@pytest.mark.parametrize("body", ["Unhealthy", "DOWN", {"status": "OUT_OF_SERVICE"}, {"status": "error"}])
async def test_its_own_word_counts_with_a_good_status_too(
    health: HealthActivities, httpserver: HTTPServer, body: Body
) -> None:
    seen = await answered(health, httpserver, body)
    assert (seen.finding, seen.kind) == (Finding.BAD, HealthKind.UNHEALTHY_BODY)


async def test_a_healthy_word_outweighs_a_part_that_is_not_well(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    seen = await answered(health, httpserver, {"status": "UP", "components": {"db": {"status": "DOWN"}}})
    assert seen.ok
    assert not seen.blames_database


@pytest.mark.parametrize("body", ["Degraded", {"status": "warn"}, {"status": "yellow"}])
async def test_degraded_is_neither_well_nor_down(
    health: HealthActivities, httpserver: HTTPServer, body: Body
) -> None:
    seen = await answered(health, httpserver, body)
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.DEGRADED)


@pytest.mark.parametrize("status", [200, 503])
async def test_what_says_that_it_is_starting_is_waited_for(
    health: HealthActivities, httpserver: HTTPServer, status: int
) -> None:
    seen = await answered(health, httpserver, {"status": "starting"}, status)
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.STARTING)
    assert seen.asks_to_wait


async def test_an_error_page_with_json_is_an_error_status(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    page = {"timestamp": "now", "status": 500, "error": "Internal Server Error", "path": "/health"}
    seen = await answered(health, httpserver, page, 500)
    assert (seen.finding, seen.kind, seen.names) == (Finding.BAD, HealthKind.ERROR_STATUS, ())
    assert seen.says == "Internal Server Error"


async def test_what_a_body_names_is_bounded_and_without_secrets(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    checks = {f"part-{number}-{'x' * 500}": {"status": "down"} for number in range(2000)}
    text = "postgresql://app:hunter2hunter2@db/app refused"
    seen = await answered(health, httpserver, {"status": "down", "message": text, "checks": checks}, 503)
    seen = seen if seen.names else await answered(health, httpserver, {"message": text}, 503)
    assert "hunter2" not in seen.model_dump_json()
    assert len(seen.model_dump_json()) < 3000


async def test_a_body_nested_without_end_is_left_alone(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    deep: Any = {"status": "down"}
    for _ in range(40):
        deep = {"status": "down", "checks": [deep]}
    seen = await answered(health, httpserver, deep, 503)
    assert seen.kind is HealthKind.UNHEALTHY_BODY


# Throttled: it is waited for as it says, within a bound.


@pytest.mark.parametrize(
    ("status", "asked", "wait"),
    [
        (429, "7", timedelta(seconds=7)),
        (429, "", None),
        (429, "soon", None),
        (503, "120", timedelta(minutes=2)),
        (503, "999999999", timedelta(minutes=5)),
    ],
)
async def test_who_asks_us_to_come_back_later_is_throttled(
    health: HealthActivities, httpserver: HTTPServer, status: int, asked: str, wait: timedelta | None
) -> None:
    seen = await answered(health, httpserver, "slow down", status, {"Retry-After": asked})
    assert (seen.finding, seen.kind, seen.retry_after) == (Finding.UNKNOWN, HealthKind.THROTTLED, wait)
    assert seen.asks_to_wait


async def test_retry_after_may_be_a_date(health: HealthActivities, httpserver: HTTPServer) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    seen = await answered(health, httpserver, "", 503, {"Retry-After": at})
    assert seen.retry_after is not None
    assert timedelta(seconds=50) < seen.retry_after <= timedelta(minutes=1)


async def test_what_it_names_counts_more_than_when_to_come_back(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    body = {"status": "error", "checks": {"database": "down"}}
    seen = await answered(health, httpserver, body, 503, {"Retry-After": "30"})
    assert (seen.finding, seen.blames_database) == (Finding.BAD, True)


# As reported by people who run comparable tools; `docs/field.md` names the reports.


async def test_a_part_may_tell_its_state_and_its_reason_in_other_keys(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    part = {"name": "services.DataSourceHealth", "state": "DOWN", "data": {"reason": "Connection timeout"}}
    seen = await answered(health, httpserver, {"status": "DOWN", "checks": [part]})
    assert (seen.finding, seen.names) == (Finding.BAD, ("services.DataSourceHealth",))
    assert seen.blames_database
    assert "Connection timeout" in seen.says


@pytest.mark.parametrize(
    ("field", "value", "finding"),
    [
        ("healthy", True, Finding.OK),
        ("healthy", False, Finding.BAD),
        ("data.ok", True, Finding.OK),
        ("error", False, Finding.UNKNOWN),
        ("error", True, Finding.UNKNOWN),
    ],
)
async def test_a_field_that_is_true_or_false_is_believed_unless_its_name_is_bad_news(
    health: HealthActivities, httpserver: HTTPServer, field: str, value: bool, finding: Finding
) -> None:
    body = {"data": {"ok": value}, field: value, "message": "channel in error state"}
    assert (await answered(health, httpserver, body, field=field)).finding is finding


async def test_status_200_while_a_provider_of_the_page_fails(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    results = [
        {"name": "database", "message": "no connection", "status": "ERROR"},
        {"name": "sidekiq", "message": "", "status": "OK"},
    ]
    body = {"results": results, "status": "service_unavailable"}
    seen = await answered(health, httpserver, body)
    assert (seen.finding, seen.names) == (Finding.BAD, ("database",))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
        (200, {"status": "loading model"}),
        (503, {"status": "error", "message": "Starting up"}),
    ],
)
async def test_what_loads_for_long_is_starting(
    health: HealthActivities, httpserver: HTTPServer, status: int, body: Body
) -> None:
    seen = await answered(health, httpserver, body, status)
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.STARTING)


async def test_gzip_without_a_word_of_it_in_the_headers_is_read(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    assert (await answered(health, httpserver, gzip.compress(b'{"status": "ok"}'))).ok


async def test_a_bomb_in_gzip_is_not_unpacked(health: HealthActivities, httpserver: HTTPServer) -> None:
    bomb = gzip.compress(b'{"status": "ok", "x": "' + b"0" * 30_000_000)
    assert len(bomb) < 64 * 1024
    seen = await answered(health, httpserver, bomb)
    assert seen.kind is HealthKind.DOES_NOT_FIT


async def test_a_token_that_ran_out_is_named_and_no_database(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    seen = await answered(health, httpserver, {"status": "degraded", "oauth": "broken"}, 503)
    assert (seen.finding, seen.names, seen.blames_database) == (Finding.BAD, ("oauth",), False)


async def test_plain_http_to_a_port_that_wants_tls_does_not_fit(
    health: HealthActivities, httpserver: HTTPServer
) -> None:
    seen = await answered(health, httpserver, "Client sent an HTTP request to an HTTPS server.\n", 400)
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, HealthKind.DOES_NOT_FIT)
    assert "https" in seen.change
