"""The targets of a real Prometheus: up, refused, answering an error, and never scraped."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.scraping.targets import LIST_LIMIT, LookAtTargets, TargetActivities
from models.checks.item import ItemResult, ItemState
from models.checks.naming import Naming
from tests.parts.servers.prometheus_server import prometheus_scraping
from tests.parts.servers.sockets import closed_port

NAMING = Naming(labels=("service", "job"), names={"backend": "backend", "shop": "backend"})


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One that scrapes itself, and two that are not there."""
    away = {job: [f"127.0.0.1:{closed_port()}"] for job in ("shop", "other")}
    jobs = {"itself": ["SELF"], **away}
    with prometheus_scraping(jobs, tmp_path_factory.mktemp("prometheus")) as url:
        _until_scraped(url, 3)
        yield url


def _until_scraped(url: str, targets: int) -> None:
    until = time.monotonic() + 20
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < until:
            active = client.get(f"{url}/api/v1/targets").json()["data"]["activeTargets"]
            if sum(one["health"] != "unknown" for one in active) == targets:
                return
            time.sleep(0.05)  # between two looks of a bounded wait
    raise AssertionError(active)


@pytest.fixture
async def activities() -> AsyncIterator[TargetActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield TargetActivities(client)


async def look(activities: TargetActivities, url: str) -> ItemResult:
    return await ActivityEnvironment().run(
        activities.find_targets_down, LookAtTargets(url=url, naming=NAMING)
    )


async def test_what_is_down_is_named_with_its_last_error(
    activities: TargetActivities, prometheus: str
) -> None:
    found = await look(activities, prometheus)
    assert found.state is ItemState.BAD
    assert found.reason.startswith("2 of 3 targets are down: ")
    assert "shop at 127.0.0.1:" in found.reason
    (said,) = found.details
    assert "connection refused" in said
    assert said.endswith("(2 targets)"), "what differs only in the address is one error"
    assert {row[0].split()[0] for row in found.tables[0].rows} == {"shop", "other"}
    assert found.services == ("backend",), "by its alias; the other is no service of ours"
    assert found.link == f"{prometheus}/targets"


async def test_all_up_is_well_and_nothing_to_scrape_is_unknown(
    activities: TargetActivities, tmp_path: Path
) -> None:
    for jobs, state, why in (
        ({"itself": ["SELF"]}, ItemState.OK, "1 of 1 targets are up"),
        ({}, ItemState.UNKNOWN, "Prometheus scrapes nothing"),
    ):
        directory = tmp_path / state
        directory.mkdir()
        with prometheus_scraping(jobs, directory) as url:
            _until_scraped(url, len(jobs))
            found = await look(activities, url)
        assert (found.state, why in found.reason) == (state, True)


async def test_prometheus_away_is_unknown(activities: TargetActivities) -> None:
    found = await look(activities, f"http://127.0.0.1:{closed_port()}")
    assert found.state is ItemState.UNKNOWN
    assert "connection refused" in found.reason


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<html>Sign in</html>", "is not that of Prometheus"),
        ('{"status": "success", "data": {"activeTargets": 7}}', "is not that of Prometheus"),
        ('{"status": "success", "data": {"activeTargets": [{"health": "unknown"}]}}', "has just begun"),
    ],
)
async def test_what_tells_nothing_is_unknown(
    activities: TargetActivities, httpserver: HTTPServer, body: str, why: str
) -> None:
    httpserver.expect_request("/api/v1/targets").respond_with_data(body)
    found = await look(activities, httpserver.url_for(""))
    assert found.state is ItemState.UNKNOWN
    assert why in found.reason


@pytest.mark.parametrize("too_long", [True, False])
async def test_a_list_that_is_too_long_or_not_told_is_counted_by_up(
    activities: TargetActivities, httpserver: HTTPServer, too_long: bool
) -> None:
    if too_long:
        httpserver.expect_request("/api/v1/targets").respond_with_data("x" * (LIST_LIMIT + 1))
    else:
        httpserver.expect_request("/api/v1/targets").respond_with_data("no such page", status=404)
    answers: dict[str, tuple[dict[str, str], int]] = {
        "count(up)": ({}, 9000),
        "count by (job) (up == 0)": ({"job": "shop"}, 12),
    }
    for query, (metric, value) in answers.items():
        result = [{"metric": metric, "value": [time.time(), str(value)]}]
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        httpserver.expect_request("/api/v1/query", query_string={"query": query}).respond_with_data(
            json.dumps(body)
        )
    found = await look(activities, httpserver.url_for(""))
    assert (found.state, found.reason) == (ItemState.BAD, "12 of 9000 targets are down: shop 12")
    assert found.services == ("backend",)


async def test_a_password_in_an_error_is_not_told(
    activities: TargetActivities, httpserver: HTTPServer
) -> None:
    target = {
        "labels": {"job": "shop", "instance": "db:9187"},
        "health": "down",
        "lastError": 'Get "http://admin:hunter2@db:9187/metrics": context deadline exceeded',
        "lastScrape": "2026-01-01T00:00:00Z",
    }
    httpserver.expect_request("/api/v1/targets").respond_with_json(
        {"status": "success", "data": {"activeTargets": [target]}}
    )
    found = await look(activities, httpserver.url_for(""))
    assert found.state is ItemState.BAD
    assert "hunter2" not in found.model_dump_json()
