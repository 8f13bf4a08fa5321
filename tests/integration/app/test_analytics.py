"""Revenue, products and platforms, asked over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.analytics.analytics import AnalyticsActivities, PlatformsSeen, ProductsSeen, RevenueSeen
from activities.app.api import ApiSeen, AppApi, Refused
from models.evidence.evidence import Finding
from models.service.application import ApplicationApi
from models.service.service import Service
from tests.parts.servers.docker_engine import docker_service

LOOKS = {
    "look_at_revenue": "/api/analytics/revenue",
    "look_at_product_returns": "/api/analytics/products",
    "look_at_platforms": "/api/analytics/platform-comparison",
}


@pytest.fixture
async def analytics() -> AsyncIterator[AnalyticsActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield AnalyticsActivities(AppApi(client))


def service(server: HTTPServer, **more: Any) -> Service:
    return docker_service("web", api=ApplicationApi(url=server.url_for(""), **more))


async def look(analytics: AnalyticsActivities, server: HTTPServer, name: str, content: object) -> Any:
    server.expect_request(LOOKS[name]).respond_with_json(content)
    return await ActivityEnvironment().run(getattr(analytics, name), service(server))


def day(ago: int) -> str:
    return f"{datetime.now(UTC) - timedelta(days=ago):%Y-%m-%d}"


async def test_less_than_the_day_before_is_a_decline(
    analytics: AnalyticsActivities, httpserver: HTTPServer
) -> None:
    amounts = {0: 5, 1: 80, 2: 100, 8: 90}
    content = {"currency": "USD", "days": [{"day": day(ago), "dollars": one} for ago, one in amounts.items()]}
    seen: RevenueSeen = await look(analytics, httpserver, "look_at_revenue", content)
    assert seen.bad
    assert "80.00 USD, -20% against the day before (100.00)" in seen.reason
    assert seen.reason.endswith("and -11% against the same weekday of last week (90.00)")


async def test_as_much_as_the_day_before_is_none(
    analytics: AnalyticsActivities, httpserver: HTTPServer
) -> None:
    content = [{"day": day(1), "dollars": 100}, {"day": day(2), "dollars": 100}]
    assert (await look(analytics, httpserver, "look_at_revenue", content)).ok


async def test_figures_that_cannot_be_compared_are_not_known(
    analytics: AnalyticsActivities, httpserver: HTTPServer
) -> None:
    seen = await look(analytics, httpserver, "look_at_revenue", [{"day": day(2), "dollars": 100}])
    assert (seen.finding, seen.refused) == (Finding.UNKNOWN, Refused.ODD)
    assert seen.reason.startswith("the revenue cannot be compared: it has no figure of ")


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("status", [401, 404, 500, 503])
async def test_what_cannot_be_asked_is_not_known(
    analytics: AnalyticsActivities, httpserver: HTTPServer, name: str, status: int
) -> None:
    httpserver.expect_request(LOOKS[name]).respond_with_data("", status)
    seen: ApiSeen = await ActivityEnvironment().run(getattr(analytics, name), service(httpserver))
    assert seen.unknown
    assert f"answered {status}" in seen.reason


async def test_products_that_return_less_than_half_are_named(
    analytics: AnalyticsActivities, httpserver: HTTPServer
) -> None:
    products = [
        {"name": "desk", "roi": 1.5},
        {"name": "lamp", "roi": 0.49, "revenue": 10, "previousRevenue": 60},
        {"name": "chair", "roiPercent": 50},
        {"name": "free", "roi": 0, "cost": 0},
        {"name": "uncounted", "roi": None},
    ]
    seen: ProductsSeen = await look(analytics, httpserver, "look_at_product_returns", {"products": products})
    assert seen.bad
    assert seen.reason == "1 of 3 products return less than half of their cost: lamp (0.49)"
    assert [(one.name, one.roi) for one in seen.products] == [("lamp", 0.49), ("chair", 0.5), ("desk", 1.5)]


async def test_a_new_product_has_had_no_time_to_return_anything(
    analytics: AnalyticsActivities, httpserver: HTTPServer
) -> None:
    content = [{"name": "lamp", "roi": 0.1, "createdAt": f"{day(3)}T00:00:00Z"}]
    seen: ProductsSeen = await look(analytics, httpserver, "look_at_product_returns", content)
    assert seen.ok
    assert seen.only_new
    assert "lamp (0.10)" in seen.reason


async def test_no_product_with_a_return_is_not_known(
    analytics: AnalyticsActivities, httpserver: HTTPServer
) -> None:
    seen = await look(analytics, httpserver, "look_at_product_returns", {"products": []})
    assert seen.unknown


@pytest.mark.parametrize(
    "content",
    [
        {"platforms": [{"platform": "youtube", "today": 1, "yesterday": 20, "dayBefore": 100}]},
        {"platforms": {"youtube": {"current": 20, "previous": 100}}},
    ],
)
async def test_a_platform_that_earned_less_is_named(
    analytics: AnalyticsActivities, httpserver: HTTPServer, content: object
) -> None:
    seen: PlatformsSeen = await look(analytics, httpserver, "look_at_platforms", content)
    assert seen.bad
    assert seen.reason == "youtube 20.00, -80% against the day before (100.00)"


async def test_a_comparison_with_today_says_nothing(
    analytics: AnalyticsActivities, httpserver: HTTPServer
) -> None:
    content = {"platforms": [{"platform": "youtube", "today": 1, "yesterday": 100}]}
    seen: PlatformsSeen = await look(analytics, httpserver, "look_at_platforms", content)
    assert (seen.finding, seen.reason) == (Finding.UNKNOWN, "it has figures only of today, which is not over")
