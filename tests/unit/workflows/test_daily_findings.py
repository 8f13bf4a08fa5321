"""What looks of the runbooks mean to the daily check."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.health.dependencies import DependencySeen
from activities.managers.process_seen import ProcessSeen, ProcessState
from activities.monitoring.costs import ApiSpend, CostsSeen
from models.base import roughly
from models.checks.item import ItemState
from models.evidence.evidence import Finding
from models.service.costs import Costs
from models.service.service import DockerManager, HealthCheck, Service
from workflows.checks.daily_findings import spending, wellbeing

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROBED = Service(
    name="backend", manager=DockerManager(container="b"), health=HealthCheck(url="http://localhost/health")
)
RUNS = ProcessSeen(finding=Finding.OK, reason="runs", state=ProcessState.RUNNING, observed_at=NOW)
GONE = ProcessSeen(finding=Finding.BAD, reason="exited with 1", state=ProcessState.EXITED, observed_at=NOW)
UNSEEN = ProcessSeen(reason="Docker does not answer", observed_at=NOW)


def answers(finding: Finding) -> DependencySeen:
    return DependencySeen(service="backend", finding=finding, reason=f"its health is {finding}")


@pytest.mark.parametrize(
    ("finding", "process", "state"),
    [
        (Finding.OK, RUNS, ItemState.OK),
        (Finding.BAD, RUNS, ItemState.BAD),
        (Finding.BAD, UNSEEN, ItemState.BAD),
        (Finding.OK, GONE, ItemState.BAD),
        (Finding.UNKNOWN, GONE, ItemState.BAD),
        (Finding.OK, UNSEEN, ItemState.UNKNOWN),
        (Finding.UNKNOWN, RUNS, ItemState.UNKNOWN),
        (Finding.OK, RUNS.model_copy(update={"deaths": (NOW,)}), ItemState.ATTENTION),
        (Finding.OK, RUNS.model_copy(update={"cpu_share": 0.99}), ItemState.ATTENTION),
        (Finding.BAD, RUNS.model_copy(update={"deaths": (NOW,)}), ItemState.BAD),
    ],
)
def test_the_worse_of_what_it_answers_and_how_it_runs(
    finding: Finding, process: ProcessSeen, state: ItemState
) -> None:
    found = wellbeing(PROBED, answers(finding), process)
    assert found.state is state
    assert found.reason.startswith(f"its health is {finding}; {process.reason}")
    assert found.services == ("backend",)


def test_a_token_in_the_address_of_a_health_check_is_in_no_report() -> None:
    health = HealthCheck(url="http://localhost/health?token=hunter2")
    found = wellbeing(PROBED.model_copy(update={"health": health}), answers(Finding.BAD), RUNS)
    assert found.link == "http://localhost/health"


def test_what_has_no_check_is_looked_at_once() -> None:
    plain = PROBED.model_copy(update={"health": None})
    found = wellbeing(plain, answers(Finding.BAD), RUNS)
    assert (found.state, found.reason) == (ItemState.OK, "runs")


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (CostsSeen(finding=Finding.OK, total=40, pace=1, projected=60), ItemState.OK),
        (CostsSeen(finding=Finding.BAD, total=40, pace=9, projected=140), ItemState.ATTENTION),
        (CostsSeen(finding=Finding.BAD, total=120, pace=1, projected=130), ItemState.BAD),
        (CostsSeen(reason="the spend is not known"), ItemState.UNKNOWN),
    ],
)
def test_over_the_budget_is_bad_and_on_the_way_there_needs_attention(
    seen: CostsSeen, state: ItemState
) -> None:
    paying = PROBED.model_copy(update={"costs": Costs(prometheus="http://localhost:9090")})
    seen = seen.model_copy(update={"apis": (ApiSpend(api="openai", total=40.0, pace=None),)})
    found = spending(paying, seen)
    assert (found.state, found.threshold) == (state, "at most 100")
    assert [one.value for one in found.figures] == [seen.total, seen.pace, seen.projected]
    assert found.tables[0].rows == (("openai", "40.00", "unknown"),)


def test_times_are_told_by_their_two_largest_units() -> None:
    seconds = (40, 90, 3 * 3600 + 61, 86400, 3 * 86400 + 4 * 3600 + 9)
    told = [roughly(timedelta(seconds=one)) for one in seconds]
    assert told == ["40 s", "1 min 30 s", "3 h 1 min", "1 d", "3 d 4 h"]
