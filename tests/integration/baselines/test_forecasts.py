"""Forecasts out of a real Prometheus with known series: they give the known answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.forecasts.forecasts import Forecast, ForecastActivities
from activities.monitoring.prometheus import Prometheus
from models.checks.item import ItemResult, ItemState
from models.configuration.monthly import DatabaseSize, ForecastSettings, VideoVolume
from models.service.costs import Costs
from models.service.latency import LatencyMetrics
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics
from models.zone import midnight_before
from tests.parts.servers.prometheus_server import prometheus_with

DAY = 86400
MONTH = 31 * DAY
STEP = 240
GIB = 2**30

Course = Callable[[float], float | None]
"""The value so many days after the first."""

MIDNIGHT = midnight_before(datetime.now(UTC), "UTC")
FIRST = MIDNIGHT.timestamp() - MONTH


def weekly(day: float) -> float:
    """Videos made until then: 40 on working days, 10 at the weekend."""
    began = datetime.fromtimestamp(FIRST, UTC).weekday()
    whole = sum(10 if (began + one) % 7 >= 5 else 40 for one in range(int(day)))
    return whole + (day - int(day)) * (10 if (began + int(day)) % 7 >= 5 else 40)


def cost(day: float) -> float:
    """50 dollars on the first day, and one more on each; its process was restarted on day 12."""
    spent = 49.5 * day + day**2 / 2
    return spent if day < 12.5 else spent - (49.5 * 12.5 + 12.5**2 / 2)


COUNTERS: dict[str, Course] = {"cost_dollars": cost, "videos": weekly}
GAUGES: dict[str, Course] = {
    "database_bytes": lambda day: None if 4 < day < 7 else (10 + day - (5 if day > 15 else 0)) * GIB,
    "disk_bytes": lambda _: 100.0 * GIB,
    "young_bytes": lambda day: None if day <= 26 else day * GIB,
    "stopped_bytes": lambda day: day * GIB if day < 20 else None,
    "p95_seconds": lambda day: 5.0 if 9.2 < day < 9.6 else 0.4,
    "requests": lambda _: 5.0,
}


def openmetrics() -> str:
    lines: list[str] = []
    for kind, courses in (("counter", COUNTERS), ("gauge", GAUGES)):
        for name, course in courses.items():
            lines.append(f"# TYPE {name} {kind}")
            sample = f"{name}_total" if kind == "counter" else name
            at = [FIRST + seconds for seconds in range(0, int(time.time() - FIRST) + 600, STEP)]
            known = ((when, course((when - FIRST) / DAY)) for when in at)
            lines += [f"{sample} {value} {when:.0f}" for when, value in known if value is not None]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(openmetrics(), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def activities() -> AsyncIterator[ForecastActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield ForecastActivities(Prometheus(client))


def backend(url: str, **more: Any) -> Service:
    metrics = ErrorMetrics(
        prometheus=url, traffic="requests", latency=LatencyMetrics(p95="p95_seconds", traffic="requests")
    )
    costs = Costs(prometheus=url, spent="increase(cost_dollars_total[$window])", budget=120.0)
    return Service(name="backend", manager=DockerManager(container="x"), metrics=metrics, costs=costs, **more)


def request(url: str, size: str = "database_bytes", limit: str = "50g", zone: str = "UTC") -> Forecast:
    settings = ForecastSettings(
        databases={"backend": DatabaseSize(size=size, limit=limit)},
        videos={"backend": VideoVolume(made="increase(videos_total[$window])", at_most=45)},
    )
    over = timedelta(days=30)
    return Forecast(service=backend(url), over=over, settings=settings, prometheus=url, zone=zone)


async def asked(what: Any, about: Forecast) -> ItemResult:
    found: ItemResult = await ActivityEnvironment().run(what, about)
    return found


def figure(found: ItemResult, name: str) -> float | None:
    return {one.name: one.value for one in found.figures}[name]


async def test_cost_reaches_its_budget_on_the_known_day(
    activities: ForecastActivities, prometheus: str
) -> None:
    """80 dollars on the last day, one more each day: 120 in forty days."""
    found = await asked(activities.forecast_cost, request(prometheus))
    assert figure(found, "now") == pytest.approx(80, abs=0.5)
    assert figure(found, "in 30 days") == pytest.approx(110, abs=1)
    assert figure(found, "days until the limit") == pytest.approx(39, abs=1.5)
    assert found.state is ItemState.ATTENTION
    assert "the budget of 120 $ is reached about 20" in found.reason
    assert found.charts[0].line == 120


async def test_a_database_reaches_a_size_over_a_gap_and_a_dropped_table(
    activities: ForecastActivities, prometheus: str
) -> None:
    """36 GiB, one more each day, 50 at most: in 14 days."""
    found = await asked(activities.forecast_size, request(prometheus))
    assert found.state is ItemState.BAD
    assert figure(found, "now") == pytest.approx(36 * GIB, rel=0.01)
    assert figure(found, "days until the limit") == pytest.approx(13, abs=1)
    assert any("changed in a step" in one for one in found.details)
    assert found.services == ("backend",)


async def test_its_disk_may_be_the_limit(activities: ForecastActivities, prometheus: str) -> None:
    found = await asked(activities.forecast_size, request(prometheus, limit="max(disk_bytes)"))
    assert figure(found, "days until the limit") == pytest.approx(63, abs=1)
    assert found.state is ItemState.ATTENTION


async def test_without_a_limit_there_is_a_forecast_and_no_day(
    activities: ForecastActivities, prometheus: str
) -> None:
    for limit, why in (("", "databases.backend.limit"), ("no_such_metric", "no data for this query")):
        found = await asked(activities.forecast_size, request(prometheus, limit=limit))
        assert (found.state, why in found.reason) == (ItemState.UNKNOWN, True)
        assert figure(found, "in 30 days") == pytest.approx(66 * GIB, rel=0.01)


async def test_too_little_data_says_so(activities: ForecastActivities, prometheus: str) -> None:
    found = await asked(activities.forecast_size, request(prometheus, size="young_bytes"))
    assert found.state is ItemState.UNKNOWN
    assert "too little data: 5 days with a value, and 10 are needed" in found.reason
    assert "Prometheus has 5 of 30 days" in found.details


async def test_what_stopped_says_nothing_of_today(activities: ForecastActivities, prometheus: str) -> None:
    found = await asked(activities.forecast_size, request(prometheus, size="stopped_bytes"))
    assert (found.state, "the newest value is of" in found.reason) == (ItemState.UNKNOWN, True)


async def test_a_day_of_trouble_is_no_trend_of_p95(activities: ForecastActivities, prometheus: str) -> None:
    found = await asked(activities.forecast_p95, request(prometheus))
    assert found.state is ItemState.OK
    assert "0.4 s, without a clear trend" in found.reason
    assert "is not reached within 12 months" in found.reason


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
async def test_videos_have_a_weekly_rhythm(
    activities: ForecastActivities, prometheus: str, zone: str
) -> None:
    """40 on each working day, of 45 that there may be, and no more than that next year."""
    found = await asked(activities.forecast_videos, request(prometheus, zone=zone))
    assert found.state is ItemState.OK, found.reason
    assert any("weekdays differ" in one for one in found.details)
    assert max(one or 0 for one in found.charts[0].series[1].values) == pytest.approx(40, abs=2)


async def test_prometheus_away_is_unknown(activities: ForecastActivities) -> None:
    about = request("http://127.0.0.1:9")
    for what in (activities.forecast_cost, activities.forecast_p95, activities.forecast_videos):
        found = await asked(what, about)
        assert (found.state, "cannot be asked" in found.reason) == (ItemState.UNKNOWN, True)


async def test_what_is_not_configured_says_what_to_write(activities: ForecastActivities) -> None:
    bare = Service(name="web", manager=DockerManager(container="web"))
    about = Forecast(service=bare, over=timedelta(days=30), settings=ForecastSettings())
    found = [
        (await asked(what, about)).reason
        for what in (
            activities.forecast_cost,
            activities.forecast_p95,
            activities.forecast_size,
            activities.forecast_videos,
        )
    ]
    assert all(one.startswith("not configured: write ") for one in found)
