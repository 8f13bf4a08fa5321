"""One endpoint, over real HTTP: what its users get as well is bad, what only we cannot ask is unknown."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.endpoints.probe import EndpointActivities
from activities.endpoints.seen import EndpointKind, EndpointSeen, LookAtEndpoint, WatchEndpoint
from models.evidence.evidence import Finding
from models.service.endpoints import Endpoints, named_by
from models.service.service import HealthCheck, Service
from tests.parts.host.no_search import search_killed
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port

PATH = "/api/products/1"
ROUTE = "/api/products/:id"


@pytest.fixture
async def activities() -> AsyncIterator[EndpointActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield EndpointActivities(client)


def service(url: str, **more: Any) -> Service:
    known = [{"path": PATH, "names": [ROUTE], "timeout": "1s", **more}]
    return docker_service("web", endpoints=Endpoints.model_validate({"url": url, "known": known}))


async def look(activities: EndpointActivities, asked: Service, *named: str) -> EndpointSeen:
    request = LookAtEndpoint(service=asked, named=named or (ROUTE,))
    seen = await ActivityEnvironment().run(activities.look_at_endpoint, request)
    assert isinstance(seen, EndpointSeen)
    return seen


async def answered(
    activities: EndpointActivities, httpserver: HTTPServer, response: Response, **more: Any
) -> EndpointSeen:
    httpserver.expect_request(PATH).respond_with_response(response)
    return await look(activities, service(httpserver.url_for(""), **more))


@pytest.mark.parametrize(
    ("status", "headers", "kind", "finding"),
    [
        (200, {}, EndpointKind.AS_EXPECTED, Finding.OK),
        (204, {}, EndpointKind.AS_EXPECTED, Finding.OK),
        (500, {}, EndpointKind.ERROR, Finding.BAD),
        (502, {}, EndpointKind.ERROR, Finding.BAD),
        (503, {}, EndpointKind.ERROR, Finding.BAD),
        (503, {"Retry-After": "600"}, EndpointKind.SWITCHED_OFF, Finding.UNKNOWN),
        (301, {"Location": "/login?next=%2F"}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
        (304, {}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
        (401, {}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
        (403, {}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
        (404, {}, EndpointKind.GONE, Finding.UNKNOWN),
        (405, {}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
        (415, {}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
        (422, {}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
        (429, {}, EndpointKind.OUR_PROBE, Finding.UNKNOWN),
    ],
)
async def test_each_status(
    activities: EndpointActivities,
    httpserver: HTTPServer,
    status: int,
    headers: dict[str, str],
    kind: EndpointKind,
    finding: Finding,
) -> None:
    seen = await answered(activities, httpserver, Response(status=status, headers=headers))
    assert (seen.kind, seen.finding) == (kind, finding)
    assert f"answered {status} at " in seen.reason
    if kind is EndpointKind.OUR_PROBE:
        assert "services." in seen.reason, "what to change"


async def test_the_whole_answer_is_kept_without_secrets(
    activities: EndpointActivities, httpserver: HTTPServer
) -> None:
    token = secrets.token_urlsafe(24)
    body = '{"error": "connect ECONNREFUSED", "password": "' + token + '", "stack": "' + "x" * 9000 + '"}'
    headers = {"Set-Cookie": f"session={token}", "X-Whatever": token, "Server": "nginx", "X-Request-Id": "r1"}
    response = Response(body, status=500, headers=headers, content_type="application/json")
    seen = await answered(activities, httpserver, response)
    (record,) = seen.records
    assert token not in seen.model_dump_json()
    assert record.headers["server"] == "nginx"
    assert record.headers["x-request-id"] == "r1"
    assert record.headers["x-whatever"] == record.headers["set-cookie"] == "[redacted]"
    assert record.body.startswith('{"error": "connect ECONNREFUSED", "password": [redacted]')
    assert len(record.body) <= 2000
    assert seen.says == "connect ECONNREFUSED"
    assert seen.reason.endswith("and says: connect ECONNREFUSED")


async def test_an_endless_answer_is_left_in_time(
    activities: EndpointActivities, httpserver: HTTPServer
) -> None:
    def drips(_: Request) -> Response:
        def body() -> Any:
            yield b"{"
            for _ in range(30):
                time.sleep(0.1)
                yield b" "

        return Response(body(), status=200)

    httpserver.expect_request(PATH).respond_with_handler(drips)
    began = time.monotonic()
    seen = await look(activities, service(httpserver.url_for("")))
    assert time.monotonic() - began < 2.5
    assert (seen.kind, seen.finding) == (EndpointKind.NO_ANSWER, Finding.BAD)


async def test_a_huge_answer_is_read_to_its_bound(
    activities: EndpointActivities, httpserver: HTTPServer
) -> None:
    seen = await answered(activities, httpserver, Response(b"x" * 5_000_000, status=200))
    assert seen.ok
    assert len(seen.records[0].body) <= 2000


@pytest.mark.parametrize(
    ("expects", "body", "kind"),
    [
        ({"has": ["id"]}, '{"id": 1}', EndpointKind.AS_EXPECTED),
        ({"has": ["id"]}, '{"errors": ["no"]}', EndpointKind.ODD),
        ({"has": ["id"]}, "<html>an error page with 200</html>", EndpointKind.ODD),
        ({"has": ["id"]}, '{"id": NaN}', EndpointKind.ODD),
        ({"pattern": '"id":'}, '{"id": 1}', EndpointKind.AS_EXPECTED),
        ({"pattern": '"id":'}, "[]", EndpointKind.ODD),
        ({"pattern": "(a+)+$"}, f'["{"a" * 60}!"]', EndpointKind.OUR_PROBE),
        ({"status": [204]}, "{}", EndpointKind.ODD),
        ({"status": [200, 404]}, "{}", EndpointKind.AS_EXPECTED),
    ],
)
async def test_what_is_expected(
    activities: EndpointActivities,
    httpserver: HTTPServer,
    expects: dict[str, Any],
    body: str,
    kind: EndpointKind,
) -> None:
    seen = await answered(activities, httpserver, Response(body, status=200), expects=expects)
    assert seen.kind is kind
    assert seen.ok is (kind is EndpointKind.AS_EXPECTED)
    assert seen.bad is (kind is EndpointKind.ODD)


async def test_a_search_that_is_killed_is_our_own_blindness(
    activities: EndpointActivities, httpserver: HTTPServer
) -> None:
    response = Response("a" * 60 + "!", status=200)
    with search_killed():
        seen = await answered(activities, httpserver, response, expects={"pattern": "(a+)+$"})
    assert (seen.kind, seen.finding) == (EndpointKind.OUR_PROBE, Finding.UNKNOWN)
    assert seen.reason.endswith("its body was not searched: the process that searches ended early (Killed)")


def test_a_search_waits_for_nothing_else_in_the_worker(httpserver: HTTPServer) -> None:
    """The threads of asyncio are taken: by host names that no resolver answers for, perhaps."""
    httpserver.expect_request(PATH).respond_with_json({"id": 1})
    asked = service(httpserver.url_for("").replace("localhost", "127.0.0.1"), expects={"pattern": "id"})

    async def beside_taken_threads() -> EndpointSeen:
        loop, over = asyncio.get_running_loop(), threading.Event()
        loop.set_default_executor(ThreadPoolExecutor(1))
        taken = loop.run_in_executor(None, over.wait)
        try:
            async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
                return await look(EndpointActivities(client), asked)
        finally:
            over.set()
            await taken

    assert asyncio.run(beside_taken_threads()).ok


async def test_some_records_fail(activities: EndpointActivities, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_json({"id": 1})
    httpserver.expect_request("/api/products/7").respond_with_json({"error": "bad roi"}, status=500)
    seen = await look(activities, service(httpserver.url_for(""), records=["/api/products/7"]))
    assert (seen.failing, seen.answering) == (("/api/products/7",), (PATH,))
    assert seen.bad
    assert seen.reason.startswith("1 of 2 records fail: answered 500 at ")


async def test_its_answer_names_what_it_needs(activities: EndpointActivities, httpserver: HTTPServer) -> None:
    content = {"status": "error", "checks": {"postgres": "down", "redis": "ok"}}
    httpserver.expect_request(PATH).respond_with_json(content, status=503)
    seen = await look(activities, service(httpserver.url_for("")))
    assert (seen.names, seen.names_database) == (("postgres",), True)


async def test_nobody_listens_is_bad_and_no_such_host_is_unknown(activities: EndpointActivities) -> None:
    refused = await look(activities, service(f"http://127.0.0.1:{closed_port()}"))
    assert (refused.kind, refused.finding) == (EndpointKind.NO_ANSWER, Finding.BAD)
    nowhere = await look(activities, service("http://nowhere.invalid"))
    assert (nowhere.kind, nowhere.finding) == (EndpointKind.OUR_PROBE, Finding.UNKNOWN)


@pytest.mark.parametrize(
    "said",
    [
        "http://169.254.169.254/latest/meta-data",
        "//evil.example/",
        "/api/products/../../admin",
        "/api/products/1/delete",
        "/api/products/1?cascade=true",
        "/API/PRODUCTS/1",
        "POST /api/products/1",
        "/api/products/:id ; rm -rf /",
        "*",
        "",
    ],
)
async def test_what_an_alert_says_never_becomes_an_address(
    activities: EndpointActivities, httpserver: HTTPServer, said: str
) -> None:
    seen = await look(activities, service(httpserver.url_for("")), said)
    assert (seen.kind, seen.finding, seen.path) == (EndpointKind.NOT_ASKED, Finding.UNKNOWN, "")
    assert ROUTE in seen.reason
    assert httpserver.log == []


@pytest.mark.parametrize("said", [ROUTE, PATH, f"GET {PATH}", "whole"])
async def test_it_is_named_exactly(activities: EndpointActivities, httpserver: HTTPServer, said: str) -> None:
    httpserver.expect_request(PATH).respond_with_json({"id": 1})
    named = httpserver.url_for(PATH) if said == "whole" else said
    seen = await look(activities, service(httpserver.url_for("")), "http-metrics", named)
    assert (seen.path, seen.finding) == (PATH, Finding.OK)


def test_the_most_telling_label_comes_first() -> None:
    labels = {"endpoint": "http-metrics", "route": " /api/x ", "instance": "a:3000", "job": "/api/y"}
    assert named_by(labels) == ("/api/x", "http-metrics", "a:3000")
    assert named_by({"route": "x" * 301}) == ()


def test_the_first_label_that_is_a_path_decides() -> None:
    """What another label names, where the alert was seen perhaps, may be another endpoint, and well."""
    base = {"endpoint": "http-metrics", "instance": f"http://localhost:3000{PATH}"}
    assert named_by({"route": "/api/other", **base}) == ("/api/other", "http-metrics")
    assert named_by({"handler": "GET /api/other", "uri": PATH}) == ("GET /api/other",)
    assert named_by(base) == ("http-metrics", base["instance"])


async def test_the_token_is_sent_and_never_told(
    activities: EndpointActivities, httpserver: HTTPServer, tmp_path: Path
) -> None:
    token = secrets.token_urlsafe(16)
    (tmp_path / "token").write_text(token)
    secret = {"file": str(tmp_path / "token")}
    headers = {"Authorization": f"Bearer {token}"}
    httpserver.expect_request(PATH, headers=headers).respond_with_data("well", status=200)
    more = {"token": secret, "bypass": {"header": "X-Past", "value": secret}}
    seen = await look(activities, service(httpserver.url_for(""), **more))
    assert seen.ok
    assert token not in seen.model_dump_json()
    ((sent, _),) = httpserver.log
    assert "X-Past" not in sent.headers, "it looks as users do"
    (tmp_path / "token").unlink()
    seen = await look(activities, service(httpserver.url_for(""), **more))
    assert (seen.kind, seen.finding) == (EndpointKind.OUR_PROBE, Finding.UNKNOWN)


async def test_head_asks_for_no_body(activities: EndpointActivities, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH, method="HEAD").respond_with_data(status=200)
    assert (await look(activities, service(httpserver.url_for(""), method="HEAD"))).ok
    with pytest.raises(ValidationError, match="HEAD has no body"):
        service("http://localhost", method="HEAD", expects={"has": ["id"]})


@pytest.mark.parametrize(
    ("known", "says"),
    [
        ([{"path": "http://evil"}], "this is not a path"),
        ([{"path": "/a", "method": "POST"}], "'GET' or 'HEAD'"),
        ([{"path": "/a", "names": ["/x"]}, {"path": "/b", "names": ["/x"]}], "/x names two endpoints"),
        ([{"path": "/a", "expects": {"pattern": "("}}], "not a regular expression"),
        ([], "at least 1 item"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(known: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Endpoints.model_validate({"url": "http://localhost:3000", "known": known})


def maintenance(past: str) -> Callable[[Request], Response]:
    """Well behind the switch; 503 for everybody else."""
    return lambda request: Response(
        status=200 if request.headers.get("X-Past") == past else 503, headers={"Retry-After": "600"}
    )


@pytest.mark.parametrize("bypassed", [True, False])
async def test_the_wait_behind_the_switch_sees_only_with_a_bypass(
    activities: EndpointActivities, httpserver: HTTPServer, tmp_path: Path, bypassed: bool
) -> None:
    (tmp_path / "token").write_text("past")
    httpserver.expect_request(PATH).respond_with_handler(maintenance("past"))
    bypass = {"header": "X-Past", "value": {"file": str(tmp_path / "token")}} if bypassed else None
    asked = service(httpserver.url_for(""), bypass=bypass)
    request = WatchEndpoint(
        service=asked,
        named=(ROUTE,),
        stable_for=timedelta(milliseconds=300),
        at_most=timedelta(milliseconds=900),
    )
    watched = await ActivityEnvironment().run(activities.watch_endpoint, request)
    assert watched.ok is bypassed
    assert bool(httpserver.log) is bypassed, "what says 200 for a maintenance page proves nothing"


async def test_what_is_out_of_service_proves_no_recovery(
    activities: EndpointActivities, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data(status=503, headers={"Retry-After": "60"})
    asked = service(httpserver.url_for(""))
    health = HealthCheck(url=httpserver.url_for("/health"), settle=timedelta(milliseconds=400))
    asked = asked.model_copy(update={"health": health})
    request = WatchEndpoint(service=asked, named=(ROUTE,), stable_for=timedelta(milliseconds=300))
    watched = await ActivityEnvironment().run(activities.watch_endpoint, request)
    assert watched.bad
