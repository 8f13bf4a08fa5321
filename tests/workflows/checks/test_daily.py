"""DailyCheck: its items, each with its own system away, and the others unaffected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.health.dependencies import DependenciesSeen, DependencySeen
from activities.managers.process_seen import ProcessSeen, ProcessState
from activities.monitoring.costs import CostsSeen
from models.checks.item import ItemResult, ItemState
from models.configuration.check_mistakes import KINDS
from models.evidence.evidence import Finding
from tests.workflows.checks.stage import stage
from tests.workflows.configuration import CONFIGURATION
from workflows.checks.daily import DailyCheck

WELL = ItemResult(state=ItemState.OK, reason="all is well")
PAYS = {"prometheus": "http://localhost:9090"}
CONTENT: dict[str, Any] = {
    **CONFIGURATION,
    "services": {
        **CONFIGURATION["services"],
        "backend": {**CONFIGURATION["services"]["backend"], "costs": PAYS},
    },
    "systems": {"prometheus": "http://localhost:9090", "alertmanager": "http://localhost:9093"},
    "broadcast": [],
}
ITEMS = (
    ("health of backend", "look_at_dependencies"),
    ("health of postgres", "look_at_dependencies"),
    ("targets", "find_targets_down"),
    ("p95 of backend", "compare_p95"),
    ("cost of backend", "look_at_costs"),
    ("active alerts", "find_unexpected_alerts"),
    ("open incidents", "look_at_long_open"),
    ("unanswered approvals", "look_at_unanswered"),
)


class Outside:
    """Everything is well, but for the activity that fails."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails

    @activity.defn(dynamic=True)
    async def outside(self, _arguments: Sequence[RawValue]) -> Any:
        name = activity.info().activity_type
        if name == self.fails:
            raise ApplicationError("its own code is broken", non_retryable=True)
        one = DependencySeen(service="one", finding=Finding.OK, reason="answers 200")
        answers: dict[str, Any] = {
            "look_at_dependencies": DependenciesSeen(finding=Finding.OK, services=(one,)),
            "look_at_process": ProcessSeen(finding=Finding.OK, reason="runs", state=ProcessState.RUNNING),
            "look_at_costs": CostsSeen(finding=Finding.OK, reason="$1", total=1, pace=0.1, projected=2),
        }
        return answers.get(name, WELL)


async def test_every_item_is_looked_at_in_the_order_of_the_report() -> None:
    async with stage([DailyCheck], [Outside().outside]) as here:
        here.content = CONTENT
        report = await here.check(DailyCheck)
    assert tuple(one.name for one in report.items) == tuple(name for name, _ in ITEMS)
    assert report.state is ItemState.OK
    assert here.written == [report.model_copy(update={"stored": None})]


@pytest.mark.parametrize("fails", sorted({name for _, name in ITEMS}))
async def test_what_cannot_be_looked_at_is_unknown_and_the_others_are_unaffected(fails: str) -> None:
    async with stage([DailyCheck], [Outside(fails).outside]) as here:
        here.content = CONTENT
        report = await here.check(DailyCheck)
    unknown = {one.name for one in report.with_state(ItemState.UNKNOWN)}
    assert unknown == {name for name, look in ITEMS if look == fails}
    assert len(report.with_state(ItemState.OK)) == len(ITEMS) - len(unknown)


async def test_what_is_not_configured_says_which_key_to_write() -> None:
    async with stage([DailyCheck], [Outside().outside]) as here:
        here.services("backend")
        report = await here.check(DailyCheck)
    said = {one.name: one.found.reason for one in report.with_state(ItemState.UNKNOWN)}
    assert said == {
        "targets": "not configured: write its address to `systems.prometheus`",
        "active alerts": "not configured: write its address to `systems.alertmanager`",
    }


def test_each_kind_that_may_start_a_runbook_names_its_service() -> None:
    """`checks.start` knows these kinds, and every one of them is that of an item."""
    assert set(KINDS) <= {name.partition(" of ")[0] for name, _ in ITEMS}
