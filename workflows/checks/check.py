"""What every check does: its items, each bounded, none hiding another. The report always comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError, TimeoutError, TimeoutType, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.checks.policy import CheckPolicyActivities
    from models.base import in_words
    from models.checks.bounds import bounded, fitting
    from models.checks.check import CheckPolicy, CheckReport, CheckRequest
    from models.checks.item import Item, ItemResult
    from workflows.checks.reporting import reported, show_progress
    from workflows.checks.starting import with_runbooks
    from workflows.record.failures import in_short

LONGEST_ITEM = timedelta(minutes=2)
AT_ONCE = 12
"""Items that are looked at at the same time: incidents need the worker's slots, too."""


@dataclass(frozen=True)
class ItemOf:
    """An item of a check: its name, and how it is looked at."""

    name: str
    take: Callable[[], Awaitable[ItemResult]]
    within: timedelta = LONGEST_ITEM
    """After so long it is `unknown`, whatever its activity does."""

    async def found(self) -> Item:
        """What fails, hangs or is wrong in its own code is `unknown`, with the reason."""
        looking = asyncio.create_task(self._look())
        try:
            done, _ = await workflow.wait([looking], timeout=self.within.total_seconds())
        finally:
            looking.cancel()  # nobody waits for it any more, and its end is not waited for
        found = looking.result() if done else ItemResult(reason=f"no answer within {in_words(self.within)}")
        return Item(name=self.name, found=bounded(found))

    async def _look(self) -> ItemResult:
        try:
            return await self.take()
        except FailureError as error:
            return ItemResult(reason=f"could not be checked: {_why(error)}")
        except Exception as error:
            workflow.logger.exception("the item %s failed in our own code", self.name)
            why = f"{type(error).__name__}: {error}; the worker's log has the traceback"
            return ItemResult(reason=f"could not be checked, for our own code failed: {why}")


class Check:
    """One run of a check."""

    def __init__(self, request: CheckRequest) -> None:
        self._request = request
        self._began_at = workflow.now()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._found: list[Item] = []

    async def of(self, items: Callable[[CheckPolicy], Iterable[ItemOf]]) -> CheckReport:
        """Look at every item, start what the configuration says, and report."""
        try:
            policy = await self._policy()
            wanted = tuple(items(policy))
        except Exception as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.exception("the check cannot begin")
            return await reported(self._report([_nothing_known(error)]), ())
        found = await asyncio.gather(*(self._take(one, len(wanted)) for one in wanted))
        looked_at = await with_runbooks(found, policy.checks.start, self._request.name)
        report = self._report([*looked_at, *_left_out(policy)], policy.time_zone)
        return await reported(report, policy.channels, policy.temporal_ui)

    async def _policy(self) -> CheckPolicy:
        """What the configuration says as of now."""
        policy: CheckPolicy = await workflow.execute_local_activity_method(
            CheckPolicyActivities.take_check_policy,
            self._request,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=3, initial_interval=timedelta(milliseconds=200)),
            summary="policy of the check as of now",
        )
        return policy

    async def _take(self, item: ItemOf, of: int) -> Item:
        async with self._slots:
            found = await item.found()
        self._found.append(found)
        show_progress(self._found, of)
        return found

    def _report(self, items: Sequence[Item], time_zone: str = "UTC") -> CheckReport:
        return CheckReport(
            name=self._request.name,
            run_id=workflow.info().run_id,
            began_at=self._began_at,
            ended_at=workflow.now(),
            time_zone=time_zone,
            by=self._request.by,
            items=fitting(items),
        )


def _why(error: FailureError) -> str:
    timed_out = error.cause if isinstance(error.cause, TimeoutError) else None
    if timed_out and timed_out.type is TimeoutType.SCHEDULE_TO_START:
        return "no worker of its host took it: is `python worker.py --host` running there?"
    return in_short(error)


def _nothing_known(error: Exception) -> Item:
    why = in_short(error) if isinstance(error, FailureError) else f"{type(error).__name__}: {error}"
    reason = f"nothing was looked at, for the configuration could not be read: {why}; see `starter.py doctor`"
    return Item(name="configuration", found=ItemResult(reason=reason))


def _left_out(policy: CheckPolicy) -> Iterable[Item]:
    if policy.left_out:
        reason = f"{len(policy.left_out)} services are not looked at: all together they are too many"
        yield Item(name="services", found=ItemResult(reason=reason, details=policy.left_out[:20]))
