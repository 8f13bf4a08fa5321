"""DailyCheck: is everything as it should be, before anybody has to ask?"""

from __future__ import annotations

from collections.abc import Iterator

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.checks.check import CheckPolicy, CheckReport, CheckRequest
    from workflows.checks.check import Check, ItemOf
    from workflows.checks.daily_items import alerts, cost, health, incidents, p95, targets


@workflow.defn
class DailyCheck:
    """Runs on working days; see `checks.daily` of the configuration."""

    @workflow.run
    async def run(self, request: CheckRequest) -> CheckReport:
        return await Check(request).of(items)


def items(policy: CheckPolicy) -> Iterator[ItemOf]:
    """The items in the order of the report."""
    yield from health(policy)
    yield from targets(policy)
    yield from p95(policy)
    yield from cost(policy)
    yield from alerts(policy)
    yield from incidents(policy)
