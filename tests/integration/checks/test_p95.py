"""p95 against the same hour of the last seven days, out of a real Prometheus."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta

import httpx
import pytest
from temporalio.testing import ActivityEnvironment

from activities.baselines.p95 import BaselineActivities, CompareP95
from activities.monitoring.prometheus import Prometheus
from models.checks.item import ItemResult, ItemState
from models.service.latency import LatencyMetrics
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics
from tests.parts.servers.prometheus_server import prometheus_with
from tests.parts.servers.sockets import closed_port

STEP = 60
AROUND = 4200
"""Seconds before the moment of each day for which there are samples."""
AHEAD = 300
"""And after now: the tests take a while."""

Rates = Mapping[str, float]
"""Requests a second by the bound of their bucket."""
FAST: Rates = {"0.1": 2, "0.4": 0, "4": 0, "+Inf": 0}
SLOWER: Rates = {"0.1": 1, "0.4": 1, "4": 0, "+Inf": 0}
"""p95 is 0.37 s, which is under the threshold."""
SLOW: Rates = {"0.1": 1, "0.4": 0, "4": 1, "+Inf": 0}
"""p95 is over 3 s."""
RARE: Rates = {"0.1": 0.001, "0.4": 0, "4": 0.001, "+Inf": 0}
NONE: Rates = dict.fromkeys(FAST, 0)

DAYS: dict[str, tuple[Rates | None, ...]] = {
    "usual": (FAST,) * 8,
    "slower": (SLOWER, *(FAST,) * 7),
    "always-slower": (SLOWER,) * 8,
    "slow": (SLOW, *(FAST,) * 7),
    "bad-day-before": (FAST, SLOW, *(FAST,) * 6),
    "new": (FAST, FAST, FAST, *(None,) * 5),
    "quiet-nights": (SLOWER, NONE, RARE, NONE, FAST, FAST, FAST, RARE),
    "rare": (RARE, *(FAST,) * 7),
    "silent": (NONE, *(FAST,) * 7),
    "gone": (None, *(FAST,) * 7),
}
"""Today, yesterday and so on; None where nothing was scraped."""


def samples() -> str:
    now = int(time.time())
    lines = ["# TYPE d histogram"]
    for job, days in DAYS.items():
        total = dict.fromkeys(FAST, 0.0)
        for ago in range(7, -1, -1):
            rates = days[ago]
            ends = now - ago * 86400
            for at in range(ends - AROUND, ends + AHEAD, STEP):
                if rates is None:
                    continue
                total = {bound: total[bound] + STEP * rates[bound] for bound in total}
                so_far = 0.0
                for bound, count in total.items():
                    so_far += count
                    lines.append(f'd_bucket{{job="{job}",le="{bound}"}} {so_far} {at}')
                lines.append(f'd_count{{job="{job}"}} {so_far} {at}')
    lines.sort(key=lambda line: line.startswith("# TYPE"), reverse=True)
    return "\n".join([*lines, "# EOF\n"])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus_with(samples(), tmp_path_factory.mktemp("prometheus")) as url:
        yield url


@pytest.fixture
async def activities() -> AsyncIterator[BaselineActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield BaselineActivities(Prometheus(client))


def service(job: str, prometheus: str) -> Service:
    buckets = f'd_bucket{{job="{job}"}}[5m]'
    latency = LatencyMetrics(
        p95=f"histogram_quantile(0.95, sum by (le) (rate({buckets})))",
        traffic=f'sum(rate(d_count{{job="{job}"}}[5m]))',
        samples=f'd_count{{job="{job}"}}',
        threshold=timedelta(seconds=1),
    )
    metrics = ErrorMetrics(prometheus=prometheus, latency=latency)
    return Service(name=job, manager=DockerManager(container=job), metrics=metrics)


async def look(activities: BaselineActivities, job: str, prometheus: str, **more: object) -> ItemResult:
    request = CompareP95.model_validate({"service": service(job, prometheus), **more})
    return await ActivityEnvironment().run(activities.compare_p95, request)


@pytest.mark.parametrize(
    ("job", "state", "why"),
    [
        ("usual", ItemState.OK, "is usual at this hour (median of 7 days)"),
        ("slower", ItemState.ATTENTION, "0.095 s is usual at this hour"),
        ("always-slower", ItemState.OK, "0.37 s is usual"),
        ("slow", ItemState.BAD, "0.095 s is usual at this hour"),
        ("bad-day-before", ItemState.OK, "0.095 s is usual"),
        ("new", ItemState.UNKNOWN, "too little history to know what is usual: 2 of 7 days"),
        ("quiet-nights", ItemState.ATTENTION, "median of 3 days"),
        ("rare", ItemState.UNKNOWN, "too little traffic to judge by: about 1 requests in 5 min"),
        ("silent", ItemState.UNKNOWN, "too little traffic to judge by: about 0 requests"),
        ("gone", ItemState.UNKNOWN, "p95 is not known"),
        ("no-such-job", ItemState.UNKNOWN, "p95 is not known"),
    ],
)
async def test_against_the_same_hour(
    activities: BaselineActivities, prometheus: str, job: str, state: ItemState, why: str
) -> None:
    found = await look(activities, job, prometheus)
    assert (found.state, why in found.reason) == (state, True), found.reason


async def test_a_chart_shows_the_days_and_the_gaps(activities: BaselineActivities, prometheus: str) -> None:
    found = await look(activities, "quiet-nights", prometheus)
    (chart,) = found.charts
    (series,) = chart.series
    assert len(chart.labels) == 8
    assert [value is None for value in series.values] == [True, False, False, False, True, True, True, False]
    assert chart.line == 1


async def test_little_more_of_little_is_nothing(activities: BaselineActivities, prometheus: str) -> None:
    found = await look(activities, "slower", prometheus, slower_by=timedelta(seconds=1))
    assert found.state is ItemState.OK


async def test_prometheus_away_is_unknown(activities: BaselineActivities) -> None:
    found = await look(activities, "usual", f"http://127.0.0.1:{closed_port()}")
    assert found.state is ItemState.UNKNOWN
    assert "Prometheus cannot be asked" in found.reason
