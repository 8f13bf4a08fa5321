"""The errors of one route, out of a real Prometheus, by the expressions as they are shipped."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.endpoints.routes import RouteActivities
from activities.endpoints.seen import LookAtRoute, RouteSeen
from activities.monitoring.prometheus import Prometheus
from models.service.surroundings import ErrorMetrics
from tests.parts.servers.docker_engine import docker_service
from tests.parts.servers.prometheus_server import prometheus_with

STEP, AN_HOUR, AHEAD = 15, 3600, 600
ODD = 'a"b\\c$1/{id}'
BROKEN_SINCE = 1200
ROUTES: dict[str, tuple[float, float, int]] = {
    "/api/videos": (2, 0.5, BROKEN_SINCE),
    "/api/videos/ideas": (2, 0, 0),
    "/api/rare": (0.01, 0.01, AN_HOUR),
    "/api/new-trouble": (2, 2, BROKEN_SINCE),
    ODD: (1, 1, AN_HOUR),
}
APPEARS = "/api/new-trouble"
"""The series of its failures begins with the first of them, as those of a client library do."""
"""By route: requests a second that are answered, that fail, and since how many seconds they fail."""


def samples() -> str:
    now = int(time.time())
    lines = ["# TYPE http_requests counter"]
    for route, (well, failing, since) in ROUTES.items():
        label = route.replace("\\", "\\\\").replace('"', '\\"')
        for status, rate, began in (("200", well, AN_HOUR), ("500", failing, since)):
            if not rate:
                continue
            first = began if (route, status) == (APPEARS, "500") else AN_HOUR
            for ago in range(first, -AHEAD, -STEP):
                value = max(0, began - ago) * rate
                series = f'http_requests_total{{route="{label}",status="{status}"}}'
                lines.append(f"{series} {value} {now - ago}")
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(samples(), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def activities() -> AsyncIterator[RouteActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield RouteActivities(Prometheus(client))


async def look(activities: RouteActivities, url: str, *names: str, **more: Any) -> RouteSeen:
    metrics = ErrorMetrics(prometheus=url, onset_within=timedelta(minutes=50), **more)
    request = LookAtRoute(service=docker_service("web", metrics=metrics), names=names)
    seen = await ActivityEnvironment().run(activities.look_at_route, request)
    assert isinstance(seen, RouteSeen)
    return seen


async def test_it_is_bad_since_it_began(activities: RouteActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "http-metrics", "/api/videos")
    assert seen.bad
    assert seen.route == "/api/videos"
    assert seen.ratio == pytest.approx(0.2, abs=0.01)
    assert seen.requests == pytest.approx(750, rel=0.02)
    began = datetime.now(UTC) - timedelta(seconds=BROKEN_SINCE)
    assert seen.since is not None
    assert seen.good_until is not None
    assert abs(seen.since - began) < timedelta(minutes=2)
    assert seen.good_until < seen.since


async def test_one_that_has_never_failed_has_no_errors(activities: RouteActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "/api/videos/ideas")
    assert (seen.ok, seen.ratio) == (True, 0)


async def test_one_that_fails_for_the_first_time_was_well_before(
    activities: RouteActivities, prometheus: str
) -> None:
    seen = await look(activities, prometheus, APPEARS)
    assert seen.bad
    began = datetime.now(UTC) - timedelta(seconds=BROKEN_SINCE)
    assert seen.since is not None
    assert seen.good_until is not None, "nobody would see it begin"
    assert abs(seen.since - began) < timedelta(minutes=2)


async def test_little_traffic_says_nothing(activities: RouteActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "/api/rare")
    assert seen.unknown
    assert "too little traffic of /api/rare" in seen.reason


async def test_a_name_is_quoted(activities: RouteActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, ODD)
    assert seen.route == ODD
    assert seen.ratio == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", ["/api/video.*", '/api/videos" or vector(1) or "', "/api"])
async def test_what_no_metric_has_is_unknown(activities: RouteActivities, prometheus: str, name: str) -> None:
    seen = await look(activities, prometheus, name)
    assert seen.unknown
    assert seen.ratio is None
    assert "the metrics have no route" in seen.reason


async def test_a_prometheus_that_is_away_is_unknown(activities: RouteActivities) -> None:
    seen = await look(activities, "http://127.0.0.1:1", "/api/videos")
    assert seen.unknown
    assert "Prometheus cannot be asked" in seen.reason


async def test_an_expression_that_gives_no_share_is_named(
    activities: RouteActivities, prometheus: str
) -> None:
    by_route = "sum by (route) (rate(http_requests_total[5m]))"
    seen = await look(activities, prometheus, "/api/videos", by_route=by_route)
    assert seen.unknown
    assert "no share" in seen.reason
