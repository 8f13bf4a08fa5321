"""The application's API, spoken to over real HTTP: what it answers well, oddly, late, or not at all."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer

from activities.app.api import ANSWER_LIMIT, AppApi, NoUse, Refused
from activities.app.products import LastSync, ProductCount
from models.service.application import ApiPaths, ApplicationApi
from models.service.secret import SecretRef
from models.service.service import Service
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port, dripping, hang_up, listening, silence

LAST_SYNC = "/api/products/last-sync"
TOKEN = "t0ken-of-the-api"


@pytest.fixture
async def api() -> AsyncIterator[AppApi]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield AppApi(client)


def at(server: HTTPServer | int, seconds: float = 6, **more: Any) -> Service:
    url = f"http://127.0.0.1:{server}" if isinstance(server, int) else server.url_for("")
    return docker_service("web", api=ApplicationApi(url=url, timeout=timedelta(seconds=seconds), **more))


async def refusal(api: AppApi, service: Service) -> NoUse:
    with pytest.raises(NoUse) as refused:
        await api.get(service, "last_sync", LastSync)
    return refused.value


@pytest.mark.parametrize(
    ("status", "body", "headers", "refused", "says"),
    [
        (401, {"message": "Unauthorized"}, {}, Refused.NOT_ALLOWED, "`services.backend.api.token`"),
        (403, "<html>Forbidden</html>", {}, Refused.NOT_ALLOWED, "`services.backend.api.token`"),
        (404, {"statusCode": 404}, {}, Refused.WRONG_ADDRESS, "`services.backend.api.paths.last_sync`"),
        (405, "", {}, Refused.WRONG_ADDRESS, "answered 405"),
        (301, "", {"Location": "https://shop.example/x"}, Refused.WRONG_ADDRESS, "https://shop.example/x"),
        (200, "<!doctype html><html></html>", {}, Refused.WRONG_ADDRESS, "a web page in place of JSON"),
        (429, {}, {"Retry-After": "90"}, Refused.THROTTLED, "come back in 1 min 30 s"),
        (429, {"retryAfter": 45}, {}, Refused.THROTTLED, "come back in 45 s"),
        (429, "slow down", {}, Refused.THROTTLED, "says: slow down"),
        (503, "", {"Retry-After": "20"}, Refused.THROTTLED, "come back in 20 s"),
        (503, {"error": "database is away"}, {}, Refused.FAILED, "says: database is away"),
        (502, "<html><h1>Bad Gateway</h1></html>", {}, Refused.FAILED, "answered 502"),
        (400, {"error": {"message": "no such shop"}}, {}, Refused.FAILED, "says: no such shop"),
        (204, "", {}, Refused.ODD, "answered 204"),
        (200, "", {}, Refused.ODD, "answers nothing"),
        (200, "ok", {}, Refused.ODD, "a bare value"),
        (200, [], {}, Refused.ODD, "a list"),
        (200, '{"lastSync": "2026-01-01T00:0', {}, Refused.ODD, "a bare value"),
        (200, {"syncs": 3}, {}, Refused.ODD, "has no `lastSync` (it has syncs)"),
        (200, {"lastSync": "soon"}, {}, Refused.ODD, "`lastSync` 'soon', which is not a time"),
        (200, {"success": False, "error": "not yet"}, {}, Refused.ODD, "says: not yet"),
    ],
)
async def test_what_is_no_use_says_what_to_change(
    api: AppApi,
    httpserver: HTTPServer,
    status: int,
    body: object,
    headers: dict[str, str],
    refused: Refused,
    says: str,
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    httpserver.expect_request(LAST_SYNC).respond_with_data(text, status=status, headers=headers)
    no_use = await refusal(api, at(httpserver))
    assert no_use.refused is refused
    assert says in no_use.reason
    assert len(httpserver.log) == 1, "neither repeated nor redirected"
    assert (no_use.look_again_after is not None) is (refused is Refused.THROTTLED)


async def test_a_token_is_sent_and_never_told(api: AppApi, httpserver: HTTPServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    token = SecretRef(file=str(tmp_path / "token"))
    httpserver.expect_request(LAST_SYNC, headers={"Authorization": f"Bearer {TOKEN}"}).respond_with_data(
        f"the token {TOKEN} has expired", status=401
    )
    no_use = await refusal(api, at(httpserver, token=token))
    assert no_use.refused is Refused.NOT_ALLOWED
    assert str(tmp_path / "token") in no_use.reason
    assert TOKEN not in no_use.reason
    (tmp_path / "token").write_text("two\nlines")
    assert "what no header may" in (await refusal(api, at(httpserver, token=token))).reason
    (tmp_path / "token").unlink()
    assert "create it" in (await refusal(api, at(httpserver, token=token))).reason
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("talk", [silence, hang_up, dripping(b"HTTP/1.1 200 OK\r\n\r\n{")])
async def test_an_answer_that_never_ends_is_left_in_time(api: AppApi, talk: Any) -> None:
    async with listening(talk) as port, asyncio.timeout(60):
        no_use = await refusal(api, at(port, seconds=0.5))
    assert no_use.refused in (Refused.NO_ANSWER, Refused.ODD)


async def test_an_answer_is_bounded_after_it_was_decoded(api: AppApi, httpserver: HTTPServer) -> None:
    bomb = gzip.compress(b" " * (64 * ANSWER_LIMIT))
    httpserver.expect_request(LAST_SYNC).respond_with_data(bomb, headers={"Content-Encoding": "gzip"})
    no_use = await refusal(api, at(httpserver))
    assert no_use.refused is Refused.ODD
    assert "more than 1 MiB" in no_use.reason


async def test_nobody_listens_and_nothing_is_configured(api: AppApi) -> None:
    assert "connection refused" in (await refusal(api, at(closed_port()))).reason
    no_use = await refusal(api, docker_service("web"))
    assert no_use.refused is Refused.NOT_CONFIGURED
    assert "`services.backend.api.url`" in no_use.reason


async def test_other_paths_and_a_frame_around_the_answer(api: AppApi, httpserver: HTTPServer) -> None:
    paths = ApiPaths(product_count="/v2/products?only=count")
    httpserver.expect_request("/v2/products", query_string="only=count").respond_with_json(
        {"success": True, "data": {"total": "1,234", "more": []}}
    )
    got = await api.get(at(httpserver, paths=paths), "product_count", ProductCount)
    assert got.content.count == 1234


async def test_the_clock_of_the_application_is_heard(api: AppApi, httpserver: HTTPServer) -> None:
    theirs = datetime.now(UTC) + timedelta(hours=3)
    synced = theirs - timedelta(minutes=5)
    async with listening(_answering({"lastSync": synced.isoformat()}, theirs)) as port:
        got = await api.get(at(port), "last_sync", LastSync)
    assert got.content.at is not None
    assert timedelta(minutes=4) < got.age_of(got.content.at) < timedelta(minutes=6)


def _answering(content: object, date: datetime) -> Any:
    body = json.dumps(content).encode()
    told = format_datetime(date, usegmt=True)
    head = f"HTTP/1.1 200 OK\r\nDate: {told}\r\nContent-Length: {len(body)}\r\n\r\n"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(head.encode() + body)
        await writer.drain()

    return talk


async def test_a_post_is_sent_once_with_its_body(api: AppApi, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/api/orchestrator/sync-products", method="POST", json={"limit": 5}
    ).respond_with_json({"synced": 5}, status=202)
    posted = await api.post(at(httpserver), "sync_products", {"limit": 5})
    assert (posted.status, posted.content) == (202, {"synced": 5})
    httpserver.expect_request("/api/orchestrator/sync-products").respond_with_json(
        {"error": "a sync is running"}, status=409
    )
    with pytest.raises(NoUse, match="a sync is running") as refused:
        await api.post(at(httpserver), "sync_products", {})
    assert refused.value.refused is Refused.BUSY
    assert len(httpserver.log) == 2
