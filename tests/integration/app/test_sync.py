"""A sync is asked for over real HTTP, once, and seen in the last sync."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.app.api import AppApi
from activities.app.products import ProductActivities
from activities.app.sync import SyncActivities
from models.actions.application import SyncProducts
from models.actions.change import ActionResult, Perform
from models.evidence.evidence import VerificationRequest, VerificationResult
from models.service.application import ApplicationApi
from models.service.service import Service
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.sockets import closed_port

SYNC = "/api/orchestrator/sync-products"
THEN = datetime.now(UTC) - timedelta(hours=3)


@pytest.fixture
async def activities() -> AsyncIterator[SyncActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        api = AppApi(client)
        yield SyncActivities(api, ProductActivities(api))


def service(server: HTTPServer, seconds: float = 6, **more: Any) -> Service:
    api = ApplicationApi(url=server.url_for(""), timeout=timedelta(seconds=seconds), **more)
    return docker_service("web", api=api)


def last_sync(server: HTTPServer, at: datetime, **more: object) -> None:
    server.expect_request("/api/products/last-sync").respond_with_json({"lastSync": at.isoformat(), **more})


async def sync(activities: SyncActivities, of: Service, **more: Any) -> ActionResult:
    action = SyncProducts(service=of, last_sync=THEN, **more)
    request: Perform[SyncProducts] = Perform(action=action, asked_at=datetime.now(UTC))
    result = await ActivityEnvironment().run(activities.sync_products, request)
    assert isinstance(result, ActionResult)
    return result


def asked(server: HTTPServer) -> int:
    return sum(request.path == SYNC for request, _ in server.log)


async def test_it_is_asked_for_with_the_smaller_batch(
    activities: SyncActivities, httpserver: HTTPServer
) -> None:
    last_sync(httpserver, THEN)
    httpserver.expect_request(SYNC, method="POST", json={"limit": 10}).respond_with_json(
        {"synced": 10}, status=202
    )
    done = await sync(activities, service(httpserver), asked_with={"limit": 10})
    assert done.done
    assert "answered 202" in done.found
    assert "'synced': 10" in done.found


async def test_what_was_synced_meanwhile_or_is_being_synced_is_not_asked_for_again(
    activities: SyncActivities, httpserver: HTTPServer
) -> None:
    last_sync(httpserver, datetime.now(UTC))
    assert (
        "nothing to do: the products were last synced" in (await sync(activities, service(httpserver))).found
    )
    httpserver.clear()
    last_sync(httpserver, THEN, running=True)
    done = await sync(activities, service(httpserver))
    assert (done.done, done.found) == (True, "nothing to do: a sync is going on")
    assert asked(httpserver) == 0


async def test_the_same_sync_told_in_whole_seconds_is_no_newer_one(
    activities: SyncActivities, httpserver: HTTPServer
) -> None:
    age = (datetime.now(UTC) - THEN).total_seconds()
    httpserver.expect_request("/api/products/last-sync").respond_with_json({"ageSeconds": int(age)})
    httpserver.expect_request(SYNC).respond_with_json({})
    await sync(activities, service(httpserver))
    assert asked(httpserver) == 1


@pytest.mark.parametrize(
    ("status", "headers", "throttled"),
    [
        (429, {"Retry-After": "120"}, timedelta(minutes=2)),
        (429, {}, timedelta(hours=1)),
        (429, {"Retry-After": "0"}, timedelta()),
        (503, {"Retry-After": "0"}, timedelta()),
        (503, {"Retry-After": "7200"}, timedelta(hours=2)),
        (500, {}, None),
        (401, {}, None),
        (404, {}, None),
    ],
)
async def test_a_refusal_says_whether_to_come_back(
    activities: SyncActivities,
    httpserver: HTTPServer,
    status: int,
    headers: dict[str, str],
    throttled: timedelta | None,
) -> None:
    last_sync(httpserver, THEN)
    httpserver.expect_request(SYNC).respond_with_json(
        {"error": "Amazon is away"}, status=status, headers=headers
    )
    done = await sync(activities, service(httpserver))
    assert (done.done, done.throttled, done.lost) == (False, throttled, False)
    assert f"answered {status}" in done.found
    assert asked(httpserver) == 1


async def test_one_that_is_at_it_already_or_answers_late_was_asked(
    activities: SyncActivities, httpserver: HTTPServer
) -> None:
    def late(_: Request) -> Response:
        time.sleep(4)
        return Response(status=200)

    last_sync(httpserver, THEN)
    httpserver.expect_oneshot_request(SYNC).respond_with_json({"error": "it runs"}, status=409)
    assert "a sync is going on" in (await sync(activities, service(httpserver))).found
    httpserver.expect_request(SYNC).respond_with_handler(late)
    done = await sync(activities, service(httpserver, seconds=2))
    assert done.done
    assert "not answered yet" in done.found


async def test_nobody_listens_and_nothing_was_asked(activities: SyncActivities) -> None:
    nowhere = docker_service("web", api=ApplicationApi(url=f"http://127.0.0.1:{closed_port()}"))
    done = await sync(activities, nowhere)
    assert not done.done
    assert "connection refused" in done.found


@pytest.mark.parametrize(("at", "well"), [(timedelta(), True), (timedelta(hours=3), False)])
async def test_the_last_sync_is_watched_for_the_window(
    activities: SyncActivities, httpserver: HTTPServer, at: timedelta, well: bool
) -> None:
    last_sync(httpserver, datetime.now(UTC) - at)
    of = service(httpserver, sync_takes=timedelta(milliseconds=300))
    request = VerificationRequest(service=of, stable_for=timedelta(milliseconds=300))
    watched = await ActivityEnvironment().run(activities.watch_sync, request)
    assert isinstance(watched, VerificationResult)
    assert (watched.ok, watched.bad) == (well, not well)
    assert ("not synced within" in watched.reason) is not well
