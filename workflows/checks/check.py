"""What every check does: its items at once, each bounded, none hiding another; then the report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.checks.policy import CheckPolicyActivities
    from models.base import in_words
    from models.checks.check import CheckPolicy, CheckReport, CheckRequest
    from models.checks.item import Item, ItemResult
    from workflows.checks.reporting import reported
    from workflows.record.failures import in_short

LONGEST_ITEM = timedelta(minutes=2)


@dataclass(frozen=True)
class ItemOf:
    """An item of a check: its name, and how it is looked at."""

    name: str
    take: Callable[[], Awaitable[ItemResult]]
    within: timedelta = LONGEST_ITEM
    """After so long it is `unknown`, whatever its activity does."""


class Check:
    """One run of a check."""

    def __init__(self, request: CheckRequest) -> None:
        self._request = request
        self._began_at = workflow.now()

    async def policy(self) -> CheckPolicy:
        """What the configuration says as of now."""
        policy: CheckPolicy = await workflow.execute_local_activity_method(
            CheckPolicyActivities.take_check_policy,
            self._request,
            start_to_close_timeout=timedelta(seconds=10),
            summary="policy of the check as of now",
        )
        return policy

    async def of(self, items: Iterable[ItemOf], policy: CheckPolicy) -> CheckReport:
        """Look at every item at once and report. What fails or hangs is `unknown`, with the reason."""
        found = await asyncio.gather(*(self._take(one) for one in items))
        report = CheckReport(
            name=self._request.name,
            run_id=workflow.info().run_id,
            began_at=self._began_at,
            ended_at=workflow.now(),
            time_zone=policy.time_zone,
            by=self._request.by,
            items=tuple(found),
        )
        return await reported(report, policy.channels)

    async def _take(self, item: ItemOf) -> Item:
        try:
            async with asyncio.timeout(item.within.total_seconds()):
                found = await item.take()
        except TimeoutError:
            found = ItemResult(reason=f"no answer within {in_words(item.within)}")
        except FailureError as error:
            found = ItemResult(reason=in_short(error))
        return Item(name=item.name, found=found)
