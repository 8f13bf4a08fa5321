"""MonthlyCheck: each item is asked for, and what one does hides no other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.baselines.thresholds import MeasureRules, MeasureThresholds
from activities.forecasts.forecasts import Forecast
from activities.lessons.lessons import Lessons
from models.checks.check import CheckName, CheckReport
from models.checks.item import ItemResult, ItemState
from tests.workflows.checks.stage import Stage, item, stage
from workflows.checks.monthly import MonthlyCheck

FINE = ItemResult(state=ItemState.OK, reason="fine")
WATCHED = {
    "metrics": {"prometheus": "http://localhost:9090"},
    "costs": {"prometheus": "http://localhost:9090"},
    "videos": {},
}


@dataclass
class Outside:
    """What the activities of the monthly check find, by their names."""

    fails: str = ""
    asked: list[str] = field(default_factory=list)

    def _answer(self, name: str) -> ItemResult:
        self.asked.append(name)
        if name == self.fails:
            raise ApplicationError("the look itself is broken", non_retryable=True)
        return FINE

    @activity.defn
    async def measure_thresholds(self, request: MeasureThresholds) -> ItemResult:
        return self._answer(f"thresholds of {request.service.name} over {request.over.days} days")

    @activity.defn
    async def measure_alert_rules(self, request: MeasureRules) -> ItemResult:
        return self._answer(f"rules of {request.prometheus}")

    @activity.defn
    async def forecast_cost(self, request: Forecast) -> ItemResult:
        return self._answer("cost")

    @activity.defn
    async def forecast_p95(self, request: Forecast) -> ItemResult:
        return self._answer("p95")

    @activity.defn
    async def forecast_size(self, request: Forecast) -> ItemResult:
        return self._answer(f"size of {request.service.name} in {request.prometheus}")

    @activity.defn
    async def forecast_videos(self, request: Forecast) -> ItemResult:
        return self._answer("videos")

    @activity.defn
    async def list_unknown_causes(self, request: Lessons) -> ItemResult:
        return self._answer("unknown causes")

    @activity.defn
    async def write_training_digest(self, request: Lessons) -> ItemResult:
        return self._answer("digest")

    def activities(self) -> list[Any]:
        return [
            self.measure_thresholds,
            self.measure_alert_rules,
            self.forecast_cost,
            self.forecast_p95,
            self.forecast_size,
            self.forecast_videos,
            self.list_unknown_causes,
            self.write_training_digest,
        ]


def configure(here: Stage, **monthly: Any) -> None:
    here.services("backend", **WATCHED)
    here.content["services"]["postgres"] = {
        "manager": {"kind": "docker", "container": "two"},
        "database": {"url": {"env": "POSTGRES"}},
    }
    here.content["systems"] = {"prometheus": "http://localhost:9091"}
    here.content["checks"] = {"monthly": monthly}


async def check(outside: Outside, **monthly: Any) -> CheckReport:
    async with stage([MonthlyCheck], outside.activities()) as here:
        configure(here, **monthly)
        return await here.check(MonthlyCheck, CheckName.MONTHLY)


MINE = {
    "thresholds of backend",
    "thresholds of the alert rules",
    "forecast of the cost of backend",
    "forecast of p95 of backend",
    "forecast of the videos of backend",
    "forecast of the size of postgres",
    "unknown causes",
    "training digest",
}


async def test_everything_is_looked_at_in_the_order_of_the_report() -> None:
    outside = Outside()
    report = await check(outside, baseline="20d")
    assert {one.name for one in report.items} >= MINE
    assert {item(report, name).found.reason for name in MINE} == {"fine"}
    assert "thresholds of backend over 20 days" in outside.asked
    assert "rules of http://localhost:9091" in outside.asked
    assert "size of postgres in http://localhost:9091" in outside.asked


async def test_one_that_fails_is_unknown_and_the_others_are_seen() -> None:
    report = await check(Outside(fails="p95"))
    assert item(report, "forecast of p95 of backend").found.state is ItemState.UNKNOWN
    assert "the look itself is broken" in item(report, "forecast of p95 of backend").found.reason
    assert {item(report, name).found.reason for name in MINE - {"forecast of p95 of backend"}} == {"fine"}


async def test_what_is_not_wanted_is_left_out() -> None:
    outside = Outside()
    report = await check(outside, without=["forecast of the videos of backend", "training digest"])
    names = {one.name for one in report.items}
    assert MINE - names == {"forecast of the videos of backend", "training digest"}
    assert not {"videos", "digest"} & set(outside.asked)
