"""MonthlyCheck: what will not be enough soon, and what was never tried."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.checks.check import CheckPolicy, CheckReport, CheckRequest
    from workflows.checks.check import Check, ItemOf
    from workflows.checks.monthly_items import drills, forecasts, lessons, thresholds


@workflow.defn
class MonthlyCheck:
    """See `checks.monthly` of the configuration."""

    @workflow.run
    async def run(self, request: CheckRequest) -> CheckReport:
        return await Check(request).of(items)


def items(policy: CheckPolicy) -> Iterator[ItemOf]:
    """The items in the order of the report."""
    wanted = chain(thresholds(policy), forecasts(policy), drills(policy), lessons(policy))
    yield from (one for one in wanted if one.name not in policy.checks.monthly.without)
