"""How a heap grows beside how it grew before its restart, out of a real Prometheus."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from math import exp

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.monitoring.heap_shape import Shape
from activities.monitoring.memory import LookAtMemory
from activities.monitoring.memory_growth import GrowthActivities, GrowthSeen
from activities.monitoring.prometheus import Prometheus
from models.evidence.evidence import Finding
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics
from tests.integration.monitoring.test_service_metrics import AHEAD
from tests.integration.monitoring.test_service_metrics import Shape as Course
from tests.parts.servers.prometheus_server import prometheus_with

STEP = 30
HOUR = 3600
RESTARTED = 3 * HOUR
"""So many seconds ago."""


def two(before: Course, after: Course) -> Course:
    """One process, and the one that was started three hours ago."""
    return lambda ago: before(ago) if ago > RESTARTED else after(ago)


def line(begin: float, an_hour: float, began: int) -> Course:
    return lambda ago: begin + an_hour * (began - ago) / HOUR


def garbage(course: Course) -> Course:
    """With garbage on top, which is collected every five minutes."""
    return lambda ago: (course(ago) or 0) + 0.1 * (-ago % 300) / 300


LEAK = line(0.3, 0.06, 9 * HOUR)
HEAPS: dict[str, Course] = {
    "leaks-again": garbage(two(LEAK, line(0.3, 0.05, RESTARTED))),
    "scraped-late": lambda ago: (
        None if 0 <= RESTARTED - ago < 240 else two(LEAK, line(0.3, 0.06, RESTARTED))(ago)
    ),
    "healed": garbage(two(LEAK, lambda _: 0.3)),
    "slower": two(LEAK, line(0.3, 0.02, RESTARTED)),
    "since": two(lambda _: 0.3, line(0.3, 0.06, RESTARTED)),
    "young": lambda ago: None if ago > RESTARTED else line(0.3, 0.06, RESTARTED)(ago),
    "twice": two(
        lambda ago: 0.3 if ago < RESTARTED + 1200 else LEAK(ago),
        line(0.3, 0.06, RESTARTED),
    ),
    "fills": two(lambda _: 0.3, lambda ago: 0.5 - 0.2 * exp((ago - RESTARTED) / HOUR)),
    "gone": lambda ago: LEAK(ago) if ago > 600 else None,
}


def times(course: Course) -> Course:
    """Requests a second, by what they make of the heap."""
    return lambda ago: 100 * (course(ago) or 0)


TRAFFIC: dict[str, Course] = {
    "since": times(line(0.1, 0.1, RESTARTED)),
    "leaks-again": lambda ago: 40 if ago < 4000 else 10 + max(0, ago - 7000) / 200,
}


def openmetrics(now: int) -> str:
    lines = ["# TYPE requests gauge"]
    for job, course in TRAFFIC.items():
        lines += [
            f'requests{{job="{job}"}} {course(max(0, ago))} {now - ago}'
            for ago in range(9 * HOUR, -AHEAD, -STEP)
        ]
    lines += ["# TYPE heap_share gauge"]
    for job, course in HEAPS.items():
        at = [(now - ago, course(max(0, ago))) for ago in range(9 * HOUR, -AHEAD, -STEP)]
        lines += [f'heap_share{{job="{job}"}} {value} {when}' for when, value in at if value is not None]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(openmetrics(int(time.time())), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def activities() -> AsyncIterator[GrowthActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield GrowthActivities(Prometheus(client))


async def look(
    activities: GrowthActivities, url: str, job: str, started: int | None = RESTARTED
) -> GrowthSeen:
    metrics = ErrorMetrics(
        prometheus=url, heap=f'heap_share{{job="{job}"}}', traffic=f'requests{{job="{job}"}}'
    )
    service = Service(name="backend", manager=DockerManager(container="backend"), metrics=metrics)
    since = datetime.now(UTC) - timedelta(seconds=started) if started else None
    return await ActivityEnvironment().run(
        activities.look_at_growth, LookAtMemory(service=service, started_at=since)
    )


async def test_it_grows_as_before_its_restart(activities: GrowthActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "leaks-again")
    assert (seen.finding, seen.grows, seen.as_before) == (Finding.BAD, True, True)
    assert seen.trend.slope == pytest.approx(0.05, abs=0.005)
    assert seen.before.slope == pytest.approx(0.06, abs=0.005)
    assert "% of its limit in an hour before its last start" in seen.reason
    assert seen.compared.startswith("it grew by 5.")


async def test_what_prometheus_repeats_of_the_process_before_is_not_of_this_one(
    activities: GrowthActivities, prometheus: str
) -> None:
    """Until it is scraped there is only the old sample."""
    seen = await look(activities, prometheus, "scraped-late")
    assert (seen.grows, seen.as_before) == (True, True)


async def test_it_is_steady_since_its_restart(activities: GrowthActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "healed")
    assert (seen.finding, seen.grows, seen.before.grows) == (Finding.OK, False, True)
    assert seen.trend.shape is Shape.STEADY
    assert not seen.as_before


async def test_it_grows_at_a_third_of_its_pace(activities: GrowthActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "slower")
    assert (seen.bad, seen.as_before) == (True, False)


async def test_it_grows_since_its_last_start_only(activities: GrowthActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "since")
    assert (seen.bad, seen.steady_before, seen.as_before) == (True, True, False)


async def test_a_process_before_that_was_restarted_too_is_not_steady(
    activities: GrowthActivities, prometheus: str
) -> None:
    seen = await look(activities, prometheus, "twice")
    assert (seen.steady_before, seen.before.grows, seen.as_before) == (False, True, True)


@pytest.mark.parametrize(("job", "started"), [("young", RESTARTED), ("leaks-again", None)])
async def test_what_was_before_may_be_unknown(
    activities: GrowthActivities, prometheus: str, job: str, started: int | None
) -> None:
    seen = await look(activities, prometheus, job, started)
    assert (seen.steady_before, seen.before.shape) == (False, Shape.UNKNOWN)


async def test_what_levels_off_does_not_grow(activities: GrowthActivities, prometheus: str) -> None:
    seen = await look(activities, prometheus, "fills")
    assert (seen.finding, seen.grows) == (Finding.OK, False)
    assert seen.trend.levels_off


async def test_it_grows_with_the_traffic_only_while_it_follows_it(
    activities: GrowthActivities, prometheus: str
) -> None:
    """The traffic of the other fell, and then rose: its heap grew all the time."""
    follows = await look(activities, prometheus, "since")
    assert (follows.grows, follows.grows_with_traffic) == (True, True)
    leaks = await look(activities, prometheus, "leaks-again")
    assert leaks.traffic_grew is not None
    assert leaks.traffic_grew > 1.5
    assert not leaks.grows_with_traffic


async def test_what_cannot_be_seen_is_unknown(activities: GrowthActivities, prometheus: str) -> None:
    gone = await look(activities, prometheus, "gone")
    assert gone.unknown
    assert "the newest sample is" in gone.reason
    assert (await look(activities, prometheus, "no-such-job")).unknown
    assert (await look(activities, "http://127.0.0.1:9", "healed")).unknown
    without = Service(name="backend", manager=DockerManager(container="backend"))
    request = LookAtMemory(service=without)
    assert (await ActivityEnvironment().run(activities.look_at_growth, request)).unknown
