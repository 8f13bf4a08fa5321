"""When products were last synced and how many there are, asked over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Response

from activities.app.api import AppApi, Refused
from activities.app.products import CountSeen, LookAtProducts, ProductActivities, SyncSeen
from models.evidence.evidence import Finding
from models.service.application import ApplicationApi
from models.service.service import Service
from tests.parts.servers.docker_engine import docker_service


@pytest.fixture
async def products() -> AsyncIterator[ProductActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield ProductActivities(AppApi(client))


def service(server: HTTPServer, **more: Any) -> Service:
    return docker_service("web", api=ApplicationApi(url=server.url_for(""), **more))


async def last_sync(
    products: ProductActivities, server: HTTPServer, content: object, **more: Any
) -> SyncSeen:
    server.expect_request("/api/products/last-sync").respond_with_json(content)
    seen = await ActivityEnvironment().run(products.look_at_last_sync, service(server, **more))
    assert isinstance(seen, SyncSeen)
    return seen


def before(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat()


@pytest.mark.parametrize(
    ("content", "finding", "says"),
    [
        ({"lastSync": partial(before, minutes=59)}, Finding.OK, "the products were last synced 59 min"),
        ({"lastSync": partial(before, minutes=61)}, Finding.BAD, "ago, more than 1 h"),
        ({"lastSync": partial(before, hours=9), "ageSeconds": 4}, Finding.OK, "last synced 4 s ago"),
        ({"lastSync": None}, Finding.BAD, "the products were never synced"),
        ({"lastSync": partial(before, minutes=-20)}, Finding.UNKNOWN, "`services.backend.api.time_zone`"),
        ({"lastSync": partial(before, seconds=-20)}, Finding.OK, "last synced 0 s ago"),
        ({"syncedCount": 3}, Finding.UNKNOWN, "has no `lastSync`"),
    ],
)
async def test_the_age_of_the_last_sync(
    products: ProductActivities, httpserver: HTTPServer, content: dict[str, Any], finding: Finding, says: str
) -> None:
    told = {key: value() if callable(value) else value for key, value in content.items()}
    seen = await last_sync(products, httpserver, told)
    assert seen.finding is finding
    assert says in seen.reason
    assert seen.never is ("never" in says)


@pytest.mark.parametrize("content", [{"count": 0, "error": "db is away"}, {"success": False, "count": 0}])
async def test_no_product_of_an_application_that_says_it_failed_is_no_count(
    products: ProductActivities, httpserver: HTTPServer, content: dict[str, object]
) -> None:
    httpserver.expect_request("/api/products/count").respond_with_json(content)
    request = LookAtProducts(service=service(httpserver), apart=timedelta(milliseconds=10))
    seen = await ActivityEnvironment().run(products.look_at_product_count, request)
    assert (seen.finding, seen.refused) == (Finding.UNKNOWN, Refused.FAILED), seen.reason


async def test_the_error_of_the_last_sync_is_kept_beside_its_time(
    products: ProductActivities, httpserver: HTTPServer
) -> None:
    content = {"lastSync": before(hours=3), "status": "error", "error": "Amazon answered 401"}
    seen = await last_sync(products, httpserver, content)
    assert (seen.finding, seen.error) == (Finding.BAD, "Amazon answered 401")


async def test_an_answer_that_failed_does_not_say_that_products_were_never_synced(
    products: ProductActivities, httpserver: HTTPServer
) -> None:
    content = {"success": False, "lastSync": None, "error": "db is away"}
    seen = await last_sync(products, httpserver, content)
    assert (seen.finding, seen.refused, seen.never) == (Finding.UNKNOWN, Refused.FAILED, False)
    assert "db is away" in seen.reason


async def test_when_the_last_error_was_is_kept(products: ProductActivities, httpserver: HTTPServer) -> None:
    content = {"lastSync": before(hours=3), "lastError": "Amazon: 401", "lastErrorAt": before(hours=2)}
    seen = await last_sync(products, httpserver, content)
    assert seen.error_at is not None
    assert abs(datetime.now(UTC) - timedelta(hours=2) - seen.error_at) < timedelta(seconds=30)


async def test_a_time_without_a_zone_is_in_the_configured_one(
    products: ProductActivities, httpserver: HTTPServer
) -> None:
    theirs = datetime.now(UTC) + timedelta(hours=9) - timedelta(minutes=5)
    seen = await last_sync(
        products, httpserver, {"lastSync": f"{theirs:%Y-%m-%d %H:%M:%S}"}, time_zone="Asia/Tokyo"
    )
    assert seen.ok
    assert seen.at is not None
    assert abs(datetime.now(UTC) - timedelta(minutes=5) - seen.at) < timedelta(seconds=30)


@pytest.mark.parametrize("content", [{"running": True}, {"status": "IN_PROGRESS"}, {"inProgress": True}])
async def test_a_sync_that_goes_on_is_seen(
    products: ProductActivities, httpserver: HTTPServer, content: dict[str, object]
) -> None:
    assert (await last_sync(products, httpserver, {"lastSync": before(hours=3), **content})).running


async def test_an_api_that_refuses_us_says_nothing_of_the_products(
    products: ProductActivities, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/api/products/last-sync").respond_with_data(status=401)
    seen = await ActivityEnvironment().run(products.look_at_last_sync, service(httpserver))
    assert seen.unknown
    assert seen.refused is Refused.NOT_ALLOWED


@pytest.mark.parametrize(
    ("counts", "finding", "grew"),
    [((7, 7), Finding.OK, 0), ((7, 9), Finding.OK, 2), ((9, 7), Finding.OK, 0), ((0, 0), Finding.BAD, 0)],
)
async def test_products_are_counted_twice(
    products: ProductActivities, httpserver: HTTPServer, counts: tuple[int, int], finding: Finding, grew: int
) -> None:
    left = list(counts)
    httpserver.expect_request("/api/products/count").respond_with_handler(
        lambda _: Response(f'{{"count": {left.pop(0)}}}', mimetype="application/json")
    )
    request = LookAtProducts(service=service(httpserver), apart=timedelta(milliseconds=10))
    seen = await ActivityEnvironment().run(products.look_at_product_count, request)
    assert isinstance(seen, CountSeen)
    assert (seen.finding, seen.count, seen.grew) == (finding, counts[1], grew)
