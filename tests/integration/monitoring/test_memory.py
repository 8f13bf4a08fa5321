"""The memory of a service, out of a real Prometheus that holds known series."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.memory.busier import BusierRouteActivities, RoutesAround, RoutesSeen
from activities.monitoring.heap_shape import Shape
from activities.monitoring.memory import CachesSeen, LookAtMemory, MemoryActivities, MemorySeen
from activities.monitoring.prometheus import Prometheus
from models.evidence.evidence import Finding, VerificationRequest, VerificationResult
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics, MemoryMetrics
from tests.integration.monitoring.test_service_metrics import AHEAD
from tests.integration.monitoring.test_service_metrics import Shape as Course
from tests.parts.servers.prometheus_server import prometheus_with

STEP = 15
TWO_HOURS = 7200
GIB = 2**30
LIMIT = 2 * GIB


def grows(begin: float, end: float) -> Course:
    """A share of the limit: a line over the two hours up to now."""
    return lambda ago: LIMIT * (begin + (end - begin) * (TWO_HOURS - ago) / TWO_HOURS)


def jumps(seconds: int, before: float, after: float) -> Course:
    return lambda ago: LIMIT * (before if ago > seconds else after)


def collected(height: float, every: int, course: Course) -> Course:
    """With garbage on top, which is collected every so many seconds."""
    return lambda ago: (course(ago) or 0) + LIMIT * height * ((TWO_HOURS - ago) % every) / every


def until(seconds: int, course: Course) -> Course:
    return lambda ago: course(ago) if ago > seconds else None


HEAPS: dict[str, Course] = {
    "leaks": grows(0.4, 0.96),
    "leaks-slowly": grows(0.5, 0.7),
    "jumped": jumps(1800, 0.4, 0.93),
    "well": collected(0.65, 300, grows(0.3, 0.3)),
    "collected": collected(0.3, 300, grows(0.65, 0.65)),
    "restarted": lambda ago: LIMIT * (0.95 if ago > 1200 else 0.3),
    "gone": until(600, grows(0.4, 0.96)),
    "stuck": grows(0.94, 0.94),
    "warming": lambda ago: LIMIT * (0.2 if ago > 240 else 0.95 - 0.65 * ago / 240),
}
CACHES: dict[tuple[str, str], Course] = {
    ("leaks", "products"): lambda ago: GIB * 0.9 * (TWO_HOURS - ago) / TWO_HOURS,
    ("leaks", "sessions"): lambda _: 10 * 2**20,
    ("leaks-slowly", "products"): lambda _: 50 * 2**20,
    ("jumped", "products"): lambda _: 5_000_000_000,
}


def openmetrics(now: int) -> str:
    times = range(TWO_HOURS + 600, -AHEAD, -STEP)
    lines = ["# TYPE nodejs_heap_used_bytes gauge"]
    for job, course in HEAPS.items():
        at = [(now - ago, course(max(0, ago))) for ago in times]
        lines += [f'nodejs_heap_used_bytes{{job="{job}"}} {v} {t}' for t, v in at if v is not None]
    lines += ["# TYPE nodejs_heap_size_limit_bytes gauge"]
    lines += [
        f'nodejs_heap_size_limit_bytes{{job="{job}"}} {LIMIT} {now - t}' for job in HEAPS for t in times
    ]
    lines += ["# TYPE cache_size_bytes gauge"]
    for (job, cache), size in CACHES.items():
        lines += [
            f'cache_size_bytes{{job="{job}",cache="{cache}"}} {size(max(0, t))} {now - t}' for t in times
        ]
    lines += ["# TYPE http_requests counter"]
    for job, factor in (("leaks", 1), ("leaks-slowly", 3)):
        for t in times:
            requests = 2 * (TWO_HOURS + 600 - t) + (factor - 1) * max(0, 3600 - t) * 2
            lines.append(f'http_requests_total{{job="{job}",route="/a",status="200"}} {requests} {now - t}')
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(openmetrics(int(time.time())), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def activities() -> AsyncIterator[MemoryActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield MemoryActivities(Prometheus(client))


def service(url: str, job: str, **more: Any) -> Service:
    of_job = f'{{job="{job}"}}'
    memory = MemoryMetrics(
        used=f"max(nodejs_heap_used_bytes{of_job})", caches=f"sum by (cache) (cache_size_bytes{of_job})"
    )
    fields = {
        "heap": f"max(nodejs_heap_used_bytes{of_job} / nodejs_heap_size_limit_bytes)",
        "traffic": f"sum(rate(http_requests_total{of_job}[5m]))",
        "memory": memory,
        **more,
    }
    metrics = ErrorMetrics(prometheus=url, **fields)
    return Service(name="backend", manager=DockerManager(container="backend"), metrics=metrics)


async def look(activities: MemoryActivities, of: Service, started: timedelta | None = None) -> MemorySeen:
    since = datetime.now(UTC) - started if started else None
    return await ActivityEnvironment().run(
        activities.look_at_memory, LookAtMemory(service=of, started_at=since)
    )


async def caches(activities: MemoryActivities, of: Service) -> CachesSeen:
    return await ActivityEnvironment().run(activities.look_at_caches, LookAtMemory(service=of))


async def test_a_leak_is_named_with_its_pace_and_its_end(
    activities: MemoryActivities, prometheus: str
) -> None:
    seen = await look(activities, service(prometheus, "leaks"))
    assert (seen.bad, seen.grows, seen.trend.sure) == (True, True, True)
    assert seen.share == pytest.approx(0.96, abs=0.01)
    assert seen.limit == pytest.approx(LIMIT, rel=0.01)
    assert seen.trend.slope == pytest.approx(0.28, abs=0.01)
    assert seen.full_in is not None
    assert timedelta(minutes=6) < seen.full_in < timedelta(minutes=11)
    assert seen.reason.startswith("96% of the heap in use")
    assert "growing by 5" in seen.reason and ", full in " in seen.reason


async def test_a_leak_that_is_far_from_full_is_not_urgent_and_no_alert(
    activities: MemoryActivities, prometheus: str
) -> None:
    seen = await look(activities, service(prometheus, "leaks-slowly"))
    assert (seen.ok, seen.grows) == (True, True)


async def test_a_jump_is_told_with_its_time(activities: MemoryActivities, prometheus: str) -> None:
    seen = await look(activities, service(prometheus, "jumped"))
    assert (seen.bad, seen.jumped, seen.full_in) == (True, True, None)
    assert seen.trend.since is not None
    assert abs(datetime.now(UTC) - timedelta(minutes=30) - seen.trend.since) < timedelta(minutes=2)


async def test_a_heap_that_is_collected_in_time_is_well(
    activities: MemoryActivities, prometheus: str
) -> None:
    """Its teeth reach 95 %, and after each collection it holds 30 %: over ten minutes the least counts."""
    memory = MemoryMetrics(floor_over=timedelta(minutes=6))
    seen = await look(activities, service(prometheus, "well", memory=memory))
    assert (seen.finding, seen.trend.shape) == (Finding.OK, Shape.STEADY)
    assert seen.floor == pytest.approx(0.3, abs=0.05)
    assert (await look(activities, service(prometheus, "collected", memory=memory))).ok


async def test_what_an_earlier_process_held_says_nothing(
    activities: MemoryActivities, prometheus: str
) -> None:
    seen = await look(activities, service(prometheus, "restarted"), timedelta(minutes=19))
    assert (seen.ok, seen.trend.shape) == (True, Shape.STEADY)
    assert seen.over < timedelta(minutes=20)
    just_now = await look(activities, service(prometheus, "leaks"), timedelta(seconds=40))
    assert (just_now.bad, just_now.trend.shape) == (True, Shape.UNKNOWN)
    assert "too short for a trend" in just_now.reason


async def test_what_rises_for_a_few_minutes_after_its_start_is_not_foretold(
    activities: MemoryActivities, prometheus: str
) -> None:
    """It rises at each of many looks, and would be full within a minute: so does what warms up."""
    seen = await look(activities, service(prometheus, "warming"), timedelta(minutes=4))
    assert (seen.ok, seen.grows, seen.trend.sure, seen.certain) == (True, True, True, False)


async def test_a_heap_whose_samples_stopped_is_unknown(activities: MemoryActivities, prometheus: str) -> None:
    seen = await look(activities, service(prometheus, "gone"))
    assert seen.unknown
    assert "the newest sample is" in seen.reason


@pytest.mark.parametrize(
    ("heap", "why"),
    [
        ("nodejs_heap_size_used_bytes / nodejs_heap_size_total_bytes", "divide by its limit"),
        ("max(nodejs_heap_used_bytes / on (job) nodejs_heap_total_bytes)", "divide by its limit"),
        ('max(nodejs_heap_used_bytes{job="leaks"})', "a share is from 0 to 1"),
        ("vector(2.6)", "a share is from 0 to 1"),
        ("no_such_metric", "no data"),
        ("nodejs_heap_used_bytes / nodejs_heap_size_limit_bytes", "series where one is needed"),
    ],
)
async def test_what_is_no_share_of_a_limit_is_unknown(
    activities: MemoryActivities, prometheus: str, heap: str, why: str
) -> None:
    seen = await look(activities, service(prometheus, "leaks", heap=heap))
    assert seen.unknown
    assert why in seen.reason


async def test_monitoring_that_is_away_is_unknown(activities: MemoryActivities) -> None:
    seen = await look(activities, service("http://127.0.0.1:1", "leaks"))
    assert (seen.unknown, "connection refused" in seen.reason) == (True, True)
    without = Service(name="backend", manager=DockerManager(container="backend"))
    assert (await look(activities, without)).unknown


async def test_more_traffic_explains_more_memory(activities: MemoryActivities, prometheus: str) -> None:
    busier = await look(activities, service(prometheus, "leaks-slowly"))
    assert busier.traffic_grew == pytest.approx(3, abs=0.2)
    assert busier.grows_with_traffic
    same = await look(activities, service(prometheus, "leaks"))
    assert same.traffic_grew == pytest.approx(1, abs=0.1)
    assert not same.grows_with_traffic


async def test_a_cache_that_the_heap_grew_by(activities: MemoryActivities, prometheus: str) -> None:
    seen = await caches(activities, service(prometheus, "leaks"))
    assert seen.bad
    assert seen.largest[0].label == "products"
    assert seen.grown == pytest.approx(0.9 * GIB, rel=0.05)
    assert seen.heap_grown == pytest.approx(0.56 * LIMIT, rel=0.05)
    assert ": products 9" in seen.reason or ": products 8" in seen.reason


async def test_a_cache_beside_a_leak_is_not_its_cause(activities: MemoryActivities, prometheus: str) -> None:
    assert (await caches(activities, service(prometheus, "leaks-slowly"))).ok


@pytest.mark.parametrize(("job", "why"), [("jumped", "it needs bytes"), ("stuck", "no data")])
async def test_caches_that_cannot_be_told_are_unknown(
    activities: MemoryActivities, prometheus: str, job: str, why: str
) -> None:
    seen = await caches(activities, service(prometheus, job))
    assert (seen.unknown, why in seen.reason) == (True, True), seen.reason


async def watched(activities: MemoryActivities, of: Service) -> VerificationResult:
    request = VerificationRequest(service=of, stable_for=timedelta(seconds=0.3))
    return await ActivityEnvironment().run(activities.watch_memory, request)


async def test_room_in_the_heap_is_proven_by_several_samples(
    activities: MemoryActivities, prometheus: str
) -> None:
    soon = {"settle": timedelta(seconds=0.1)}
    assert (await watched(activities, service(prometheus, "restarted", **soon))).ok
    assert (await watched(activities, service(prometheus, "stuck", **soon))).bad
    assert (await watched(activities, service(prometheus, "gone", **soon))).unknown


async def routes(activities: BusierRouteActivities, of: Service, at: datetime) -> RoutesSeen:
    return await ActivityEnvironment().run(activities.look_at_routes, RoutesAround(service=of, at=at))


async def test_which_route_was_busier_after_a_moment(prometheus: str) -> None:
    by_route = MemoryMetrics(by_route='sum by (route) (rate(http_requests_total{job="leaks-slowly"}[5m]))')
    of = service(prometheus, "leaks-slowly", memory=by_route)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    async with httpx.AsyncClient(trust_env=False) as client:
        activities = BusierRouteActivities(Prometheus(client))
        seen = await routes(activities, of, an_hour_ago - timedelta(seconds=20))
        (busier,) = seen.busier
        assert (busier.route, seen.ok) == ("/a", True)
        assert busier.before == pytest.approx(2, abs=0.3)
        assert busier.after == pytest.approx(6, abs=0.6)
        later = await routes(activities, of, an_hour_ago + timedelta(minutes=20))
        assert (later.busier, later.reason) == ((), "no route was busier then")
        away = service("http://127.0.0.1:1", "leaks", memory=by_route)
        assert (await routes(activities, away, an_hour_ago)).unknown
