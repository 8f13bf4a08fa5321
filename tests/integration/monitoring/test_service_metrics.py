"""The errors of a service, out of a real Prometheus: each way in which a ratio can mislead."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.monitoring.prometheus import Prometheus
from activities.monitoring.service_metrics import ErrorsSeen, ServiceMetricActivities
from models.evidence.evidence import Finding, VerificationRequest, VerificationResult
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics
from tests.parts.servers.prometheus_server import prometheus_with

STEP = 15
AN_HOUR = 3600
AHEAD = 600
"""Samples up to so many seconds from now: the tests take a while."""

Shape = Callable[[int], float | None]
"""The value of a counter so many seconds ago; None where there is no sample."""


def steadily(a_second: float) -> Shape:
    return lambda ago: (AN_HOUR - ago) * a_second


def since(seconds: int, a_second: float) -> Shape:
    """It stands still until so many seconds ago."""
    return lambda ago: max(0, seconds - ago) * a_second


def until(seconds: int, shape: Shape) -> Shape:
    """Its instance is gone since then."""
    return lambda ago: shape(ago) if ago > seconds else None


def restarted(seconds: int, shape: Shape) -> Shape:
    """It was set back to nothing so many seconds ago."""
    return lambda ago: (shape(ago) or 0) - (0 if ago > seconds else shape(seconds) or 0)


def once(seconds: int) -> Shape:
    """One request, so many seconds ago."""
    return lambda ago: 1 if ago <= seconds else 0


def appears(seconds: int, value: float) -> Shape:
    """Its series is there since so many seconds ago, with this value from the first."""
    return lambda ago: value if ago <= seconds else None


HTTP: dict[str, list[tuple[str, Shape]]] = {
    "busy": [('status="200"', steadily(2)), ('status="500"', since(1200, 0.5))],
    "once": [('status="200"', lambda _: 0), ('status="500"', once(120))],
    "quiet": [('status="200"', lambda _: 7), ('status="500"', lambda _: 1)],
    "by-code": [('code="200"', steadily(2)), ('code="500"', steadily(1))],
    "never-failed": [('status="200"', steadily(2))],
    "by-class": [('status="2xx"', steadily(2)), ('status="5xx"', steadily(1))],
    "restarted": [
        ('status="200"', restarted(100, steadily(2))),
        ('status="500"', restarted(100, steadily(1))),
    ],
    "replicas": [
        (f'status="{status}",instance="{one}"', steadily(rate))
        for one in "ab"
        for status, rate in (("200", 2), ("500", 1))
    ],
    "always": [('status="200"', steadily(1)), ('status="500"', steadily(1))],
    "burst": [('status="200"', steadily(2)), ('status="500"', appears(100, 90))],
    "stopped": [('status="200"', until(200, steadily(1))), ('status="500"', until(200, steadily(1)))],
}
RECORDED = {"recorded": (0.12, 0.13)}


def openmetrics(now: int) -> str:
    lines = ["# TYPE http_requests counter"]
    times = range(AN_HOUR, -AHEAD, -STEP)
    for job, series in HTTP.items():
        for labels, shape in series:
            at = [(now - ago, shape(ago)) for ago in times]
            name = f'http_requests_total{{job="{job}",{labels}}}'
            lines += [f"{name} {value} {when}" for when, value in at if value is not None]
    lines += ["# TYPE recorded gauge"]
    for replica, value in enumerate(RECORDED["recorded"]):
        lines += [f'recorded{{replica="{replica}"}} {value} {now - ago}' for ago in times]
    return "\n".join([*lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(openmetrics(int(time.time())), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def activities() -> AsyncIterator[ServiceMetricActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield ServiceMetricActivities(Prometheus(client))


def metrics_of(url: str, job: str, **more: Any) -> ErrorMetrics:
    every = f'http_requests_total{{job="{job}"}}'
    failed = f'http_requests_total{{job="{job}",status=~"5.."}}'
    fields = {
        "ratio": f"(sum(rate({failed}[5m])) or vector(0)) / sum(rate({every}[5m]))",
        "traffic": f"sum(rate({every}[5m]))",
        "by_route": f"sum by (route) (rate({failed}[5m]))",
        "samples": every,
        **more,
    }
    return ErrorMetrics(prometheus=url, **fields)


def service(metrics: ErrorMetrics) -> Service:
    return Service(name="backend", manager=DockerManager(container="backend"), metrics=metrics)


async def look(activities: ServiceMetricActivities, metrics: ErrorMetrics) -> ErrorsSeen:
    return await ActivityEnvironment().run(activities.look_at_errors, service(metrics))


async def test_one_failed_request_in_five_minutes_is_no_error_rate(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "once"))
    assert (seen.finding, seen.ratio) == (Finding.UNKNOWN, None)
    assert seen.requests is not None and 0 < seen.requests < 3
    assert seen.reason.startswith("too little traffic to judge by: about 1 requests in 5 min")
    assert seen.reason.endswith("at least 30 are needed")
    lenient = await look(activities, metrics_of(prometheus, "once", min_rate=0, min_requests=1))
    assert lenient.bad, "how much is enough is configuration"


async def test_a_service_that_nobody_asks_is_not_healthy(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "quiet"))
    assert (seen.finding, seen.reason) == (Finding.UNKNOWN, "there is no traffic, so nobody knows")


@pytest.mark.parametrize("job", ["once", "quiet"])
async def test_nothing_is_verified_by_too_little_traffic(
    activities: ServiceMetricActivities, prometheus: str, job: str
) -> None:
    metrics = metrics_of(prometheus, job, settle="0.1s", threshold=0.999999)
    request = VerificationRequest(service=service(metrics), stable_for=timedelta(seconds=0.2))
    watched: VerificationResult = await ActivityEnvironment().run(activities.watch_errors, request)
    assert (watched.finding, watched.healthy) == (Finding.UNKNOWN, 0)


async def test_since_when_there_are_too_many_errors(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "busy"))
    assert seen.bad
    assert seen.since is not None and seen.good_until is not None
    assert timedelta() < seen.since - seen.good_until < timedelta(minutes=1)
    age = datetime.now(UTC) - seen.since
    assert timedelta(minutes=17) < age < timedelta(minutes=21)
    assert "a second answer 5xx, over the last 5 min; " in seen.reason
    assert seen.reason.endswith(f"; above the threshold since {seen.since:%H:%M:%S} UTC")


async def test_errors_as_old_as_the_samples_may_be_older(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "always"))
    assert (seen.finding, seen.good_until) == (Finding.BAD, None)
    assert seen.reason.endswith(" UTC, or earlier")


async def test_a_status_under_another_label_is_not_zero_errors(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "by-code"))
    assert seen.unknown
    assert "no series of `metrics.samples` has the label `status`" in seen.reason
    assert "they have `code`, `job`" in seen.reason
    assert (await look(activities, metrics_of(prometheus, "never-failed"))).ok


async def test_a_status_by_its_class_counts(activities: ServiceMetricActivities, prometheus: str) -> None:
    seen = await look(activities, metrics_of(prometheus, "by-class"))
    assert seen.ratio == pytest.approx(1 / 3, rel=0.01)


async def test_a_restart_that_sets_the_counters_back_changes_no_ratio(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "restarted"))
    assert seen.ratio == pytest.approx(1 / 3, rel=0.02)


async def test_a_series_for_each_replica_is_one_service(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "replicas"))
    assert seen.ratio == pytest.approx(1 / 3, rel=0.01)
    assert seen.traffic == pytest.approx(6, rel=0.01)


async def test_a_rule_recorded_by_two_replicas_says_by_what_they_differ(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "busy", ratio="recorded"))
    assert seen.unknown
    assert "2 series where one is needed, which differ in replica" in seen.reason
    assert (await look(activities, metrics_of(prometheus, "busy", ratio="max(recorded)"))).bad


@pytest.mark.parametrize("ratio", ["vector(12)", "vector(-0.5)"])
async def test_a_percentage_or_the_rate_of_a_gauge_is_no_share(
    activities: ServiceMetricActivities, prometheus: str, ratio: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "busy", ratio=ratio))
    assert (seen.finding, seen.ratio) == (Finding.UNKNOWN, None)
    assert "a share is from 0 to 1" in seen.reason


@pytest.mark.parametrize("ratio", ["vector(0) / 0", "vector(1) / 0", "no_such_metric", "sum(rate(nope[5m]))"])
async def test_no_number_is_neither_healthy_nor_failing(
    activities: ServiceMetricActivities, prometheus: str, ratio: str
) -> None:
    assert (await look(activities, metrics_of(prometheus, "busy", ratio=ratio))).unknown


async def test_the_errors_of_an_instance_that_is_gone_are_stale(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    seen = await look(activities, metrics_of(prometheus, "stopped"))
    assert seen.unknown
    assert "the newest sample is 3 min" in seen.reason


async def test_errors_before_the_first_scrape_of_their_series_are_lost_here_as_to_the_alert(
    activities: ServiceMetricActivities, prometheus: str
) -> None:
    """The expression is the alert's own: what is seen here differs from it in nothing."""
    seen = await look(activities, metrics_of(prometheus, "burst"))
    assert (seen.ok, seen.ratio) == (True, 0)
