"""Thresholds against a month, out of a real Prometheus with known series and real rules."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment

from activities.baselines.history import Asked, history
from activities.baselines.thresholds import MeasureRules, MeasureThresholds, ThresholdActivities
from activities.monitoring.prometheus import Prometheus
from activities.review.reviews import ReviewActivities
from models.checks.item import ItemResult, ItemState
from models.configuration.monthly import ThresholdSettings
from models.incident.alert import Alert
from models.incident.incident import Outcome
from models.incident.review import Review
from models.names import Severity
from models.service.costs import Costs
from models.service.latency import LatencyMetrics
from models.service.service import DockerManager, Service
from models.service.surroundings import ErrorMetrics
from tests.parts.servers.prometheus_server import prometheus_with

STEP = 300
DAY = 86400
MONTH = timedelta(days=30)
SETTINGS = ThresholdSettings()

Course = Callable[[int], float | None]
"""The value so many seconds ago."""


def at_noon(height: float, usual: float, every: int = 1, hours: float = 1) -> Course:
    """A peak of some hours each day, so many hours before now."""

    def course(ago: int) -> float:
        day, second = divmod(ago, DAY)
        return height if day % every == 0 and 40000 <= second < 40000 + hours * 3600 else usual

    return course


SERIES: dict[str, Course] = {
    "errors_noisy": at_noon(0.08, 0.01),
    "errors_fine": at_noon(0.03, 0.01),
    "p95_seconds": lambda ago: 0.1 + 0.001 * (ago // STEP % 10),
    "heap": lambda ago: None if ago > 15 * DAY else 0.5,
    "cpu": lambda ago: None if ago > 3 * DAY else 0.2,
    "requests": lambda _: 5.0,
    "few_requests": lambda _: 0.05,
    "free_bytes": at_noon(8e9, 20e9),
    "spent_today": lambda ago: 60 * (DAY - ago % DAY) / DAY,
    "served": at_noon(4, 0, hours=8),
    "failed": at_noon(1, 0, hours=8),
}
RULES = """
groups:
  - name: known
    rules:
      - {alert: Noisy, expr: errors_noisy > 0.05, for: 10m}
      - {alert: DiskShort, expr: free_bytes < 10e9, for: 5m}
      - {alert: Down, expr: up == 0}
      - {alert: OfTwo, expr: 'replica{name=~"a|b"} > 3', for: 5m}
      - {alert: NoSuch, expr: nothing_of_this_name > 3}
      - {record: recorded, expr: vector(1)}
"""


def openmetrics(now: int) -> str:
    lines: list[str] = []
    for name, course in SERIES.items():
        lines.append(f"# TYPE {name} gauge")
        points = ((now - ago, course(ago)) for ago in range(31 * DAY, -900, -STEP))
        lines += [f"{name} {value} {at}" for at, value in points if value is not None]
    lines.append("# TYPE replica gauge")
    for name, value in (("a", 1), ("b", 2)):
        lines += [f'replica{{name="{name}"}} {value} {now - ago}' for ago in range(31 * DAY, -900, -STEP)]
    lines.append("# TYPE cost_dollars counter")
    lines += [
        f"cost_dollars_total {_spent(31 * DAY - ago)} {now - ago}" for ago in range(31 * DAY, -900, -3600)
    ]
    return "\n".join([*lines, "# EOF", ""])


def _spent(seconds: int) -> float:
    """40 dollars a day, and the process was restarted after ten days: the counter began anew."""
    return 40 * (seconds if seconds < 10 * DAY else seconds - 10 * DAY) / DAY


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("prometheus")
    with prometheus_with(openmetrics(int(time.time())), directory, RULES) as url:
        yield url


@pytest.fixture
async def activities(tmp_path: Path) -> AsyncIterator[ThresholdActivities]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield ThresholdActivities(client, tmp_path)


def backend(url: str, ratio: str = "errors_fine", traffic: str = "requests", **costs: object) -> Service:
    metrics = ErrorMetrics(
        prometheus=url,
        ratio=ratio,
        traffic=traffic,
        heap="heap",
        cpu="cpu",
        latency=LatencyMetrics(p95="p95_seconds", traffic=traffic),
    )
    paid = Costs(prometheus=url, spent="increase(cost_dollars_total[$window])", budget=50.0)
    manager = DockerManager(container="backend")
    return Service(name="backend", manager=manager, metrics=metrics, costs=paid)


async def measured(activities: ThresholdActivities, service: Service) -> ItemResult:
    request = MeasureThresholds(service=service, over=MONTH, settings=SETTINGS)
    return await ActivityEnvironment().run(activities.measure_thresholds, request)


def row(found: ItemResult, name: str) -> dict[str, str]:
    """Of both tables."""
    return {
        column: cell
        for table in found.tables
        for cells in table.rows
        if cells[0] == name
        for column, cell in zip(table.columns, cells, strict=True)
    }


async def test_each_threshold_of_a_service(activities: ThresholdActivities, prometheus: str) -> None:
    found = await measured(activities, backend(prometheus))
    assert found.state is ItemState.ATTENTION
    errors = row(found, "error ratio")
    assert (errors["now"], errors["p50"], errors["p95"], errors["p99"]) == ("5 %", "1 %", "1 %", "3 %")
    assert (errors["crossed for"], errors["would have fired"], errors["proposed"]) == ("never", "never", "")
    assert row(found, "p95")["proposed"] == "0.22 s", "twice 0.109 s, for 1 s is far beyond it"
    assert row(found, "cost")["p50"] == "40 $", "also over the restart of its counter"
    assert row(found, "CPU")["why"].startswith("too little data: 4 days")
    (chart,) = found.charts
    assert len(chart.labels) == 5 and chart.line == 100


async def test_a_total_that_begins_anew_each_day_crosses_its_budget_once_a_day(
    activities: ThresholdActivities, prometheus: str
) -> None:
    costs = Costs(prometheus=prometheus, total="spent_today", budget=50.0)
    found = await measured(activities, backend(prometheus).model_copy(update={"costs": costs}))
    cost = row(found, "cost")
    assert cost["would have fired"] in ("30 times", "31 times")
    assert cost["proposed"] == "75 $", "a quarter above 60"


async def test_a_shorter_retention_is_said(activities: ThresholdActivities, prometheus: str) -> None:
    found = await measured(activities, backend(prometheus))
    assert "heap share: Prometheus has 15 of 30 days" in found.details
    assert row(found, "heap share")["why"].startswith("right")


async def test_one_that_fires_every_day_is_raised(activities: ThresholdActivities, prometheus: str) -> None:
    found = await measured(activities, backend(prometheus, ratio="errors_noisy"))
    errors = row(found, "error ratio")
    assert (errors["proposed"], errors["would then have fired"]) == ("10 %", "never")
    assert errors["would have fired"] == "30 times"
    assert any(one.startswith("error ratio: 10 % instead of 5 %") for one in found.details)


async def test_without_traffic_a_ratio_says_nothing(activities: ThresholdActivities, prometheus: str) -> None:
    found = await measured(activities, backend(prometheus, "errors_noisy", "few_requests"))
    assert "no data" in row(found, "error ratio")["why"]
    assert row(found, "cost")["p50"] == "40 $", "the others are there"


async def test_times_with_an_incident_do_not_count(
    activities: ThresholdActivities, prometheus: str, tmp_path: Path
) -> None:
    """Ten days of an incident: what is usual cannot be told."""
    began = datetime.now(UTC) - timedelta(days=12)
    review = Review(
        summary="",
        outcome=Outcome.RESOLVED,
        cause="x",
        incident="HighErrorRate/backend",
        run_id="12345678",
        runbook="HighErrorRate",
        alert=Alert(name="HighErrorRate", service="backend", starts_at=began),
        severity=Severity.CRITICAL,
        began_at=began,
        detected_after=timedelta(),
        responded_after=None,
        resolved_after=timedelta(days=10),
        respond_within=timedelta(minutes=5),
    )
    ReviewActivities(tmp_path).keep(review)
    found = await measured(activities, backend(prometheus, ratio="errors_noisy"))
    assert row(found, "error ratio")["why"].startswith("incidents fill 33%")


async def test_the_rules_of_the_running_prometheus(activities: ThresholdActivities, prometheus: str) -> None:
    request = MeasureRules(prometheus=prometheus, over=MONTH, settings=SETTINGS)
    found = await ActivityEnvironment().run(activities.measure_alert_rules, request)
    assert found.state is ItemState.ATTENTION
    assert (row(found, "Noisy")["for"], row(found, "Noisy")["proposed"]) == ("10 min", "0.1")
    disk = row(found, "DiskShort")
    assert disk["would have fired"] in ("30 times", "31 times")
    assert disk["proposed"].startswith("6,400,000,000"), "8e9, and a quarter more room"
    assert row(found, "OfTwo")["p50"] == "2", "the worst of its series"
    assert "no data" in row(found, "NoSuch")["why"]
    assert "not measured, for they compare with no number: Down" in found.details


async def test_only_so_many_rules_are_measured(activities: ThresholdActivities, prometheus: str) -> None:
    few = ThresholdSettings(most_rules=1)
    request = MeasureRules(prometheus=prometheus, over=MONTH, settings=few)
    found = await ActivityEnvironment().run(activities.measure_alert_rules, request)
    assert len(found.tables[0].rows) == 1
    assert any("3 further rules" in one for one in found.details)


async def test_prometheus_away_is_unknown(activities: ThresholdActivities) -> None:
    gone = "http://127.0.0.1:9"
    found = await measured(activities, backend(gone))
    assert found.state is ItemState.UNKNOWN
    assert all("cannot be asked" in one for one in found.details)
    request = MeasureRules(prometheus=gone, over=MONTH, settings=SETTINGS)
    rules = await ActivityEnvironment().run(activities.measure_alert_rules, request)
    assert (rules.state, "cannot be asked" in rules.reason) == (ItemState.UNKNOWN, True)


async def test_a_month_by_the_minute_is_more_than_one_answer_holds(prometheus: str) -> None:
    """43,200 points, of which Prometheus gives at most 11,000 at once."""
    minute = timedelta(minutes=1)
    async with httpx.AsyncClient(trust_env=False) as client:
        asked = Asked(url=prometheus, query="errors_fine", over=MONTH, step=minute)
        series = await history(Prometheus(client), asked)
    assert len(series.points) == pytest.approx(43_200, abs=100)
    apart = {round((b.at - a.at).total_seconds()) for a, b in pairwise(series.points)}
    assert apart == {60}, "no point is missing or doubled between two parts"


async def test_a_share_of_nothing_is_a_gap(activities: ThresholdActivities, prometheus: str) -> None:
    """Outside business hours nobody asks anything: 0/0 is NaN, and no ratio of 0."""
    found = await measured(activities, backend(prometheus, ratio="failed / served"))
    assert row(found, "error ratio")["p50"] == "25 %"
    assert row(found, "error ratio")["crossed for"].endswith("(100.0%)")


async def test_what_prometheus_refuses_to_load_is_told_in_its_own_words(tmp_path: Path) -> None:
    lines = ["# TYPE a gauge"]
    lines += [f'a{{n="{n}"}} 1 {int(time.time()) - ago}' for n in range(9) for ago in range(DAY, -600, -STEP)]
    samples = "\n".join([*lines, "# EOF", ""])
    with prometheus_with(samples, tmp_path, flags=("--query.max-samples=1000",)) as url:
        async with httpx.AsyncClient(trust_env=False) as client:
            found = await measured(ThresholdActivities(client, tmp_path), backend(url, ratio="sum(a)"))
    why = row(found, "error ratio")["why"]
    assert "Prometheus refuses the query" in why and "too many samples" in why


async def test_several_series_are_named_and_not_mixed(
    activities: ThresholdActivities, prometheus: str
) -> None:
    found = await measured(activities, backend(prometheus, ratio="replica"))
    assert "2 series where one is needed, which differ in name" in row(found, "error ratio")["why"]


async def test_a_store_that_ignores_the_kind_of_rule_sends_others_too(
    activities: ThresholdActivities, httpserver: HTTPServer
) -> None:
    """Some answer `type=alert` with recording rules as well, and with fields of their own."""
    rules = [
        {"type": "recording", "name": "recorded", "query": "a > 1", "evaluationTime": 1},
        {"type": "alerting", "name": "Odd", "query": "a > b", "duration": 60, "state": "unknown"},
    ]
    answer = {"status": "success", "data": {"groups": [{"name": "g", "rules": rules}]}, "infos": []}
    httpserver.expect_request("/api/v1/rules").respond_with_json(answer)
    request = MeasureRules(prometheus=httpserver.url_for("/"), over=MONTH, settings=SETTINGS)
    found = await ActivityEnvironment().run(activities.measure_alert_rules, request)
    assert found.details == ("not measured, for they compare with no number: Odd",)
    assert (found.state, found.reason) == (ItemState.OK, "there is no threshold to measure")


@pytest.mark.parametrize(
    ("status", "body"), [(404, "404 page not found"), (200, "<html>Sign in</html>"), (401, "")]
)
async def test_rules_that_are_elsewhere_are_unknown(
    activities: ThresholdActivities, httpserver: HTTPServer, status: int, body: str
) -> None:
    """A querier without a ruler, a sign-in page, no credentials."""
    httpserver.expect_request("/api/v1/rules").respond_with_data(body, status)
    request = MeasureRules(prometheus=httpserver.url_for("/"), over=MONTH, settings=SETTINGS)
    found = await ActivityEnvironment().run(activities.measure_alert_rules, request)
    assert found.state is ItemState.UNKNOWN
    assert "/api/v1/rules" in found.reason
