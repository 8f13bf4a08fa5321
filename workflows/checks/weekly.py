"""WeeklyCheck: what happened in the week, and what nobody looks at by itself."""

from __future__ import annotations

from collections.abc import Iterator

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.checks.check import CheckPolicy, CheckReport, CheckRequest
    from workflows.checks.check import Check, ItemOf
    from workflows.checks.weekly_items import alerts, backups, dashboards, errors, patterns, retention


@workflow.defn
class WeeklyCheck:
    """See `checks.weekly` of the configuration."""

    @workflow.run
    async def run(self, request: CheckRequest) -> CheckReport:
        return await Check(request).of(items)


def items(policy: CheckPolicy) -> Iterator[ItemOf]:
    """The items in the order of the report."""
    yield from alerts(policy)
    yield from errors(policy)
    yield from patterns(policy)
    yield from backups(policy)
    yield from retention(policy)
    yield from dashboards(policy)
