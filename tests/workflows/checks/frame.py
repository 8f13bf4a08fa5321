"""A check over many services whose items do what the name of the service says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from models.checks.check import CheckPolicy, CheckReport, CheckRequest
    from models.checks.item import ItemResult
    from workflows.checks.check import Check, ItemOf

LOOK = "look"
BRIEFLY = timedelta(seconds=2)
"""While an activity runs, the clock of the server runs no faster than the real one."""


@workflow.defn
class FrameCheck:
    """Its items are the services of the policy."""

    @workflow.run
    async def run(self, request: CheckRequest) -> CheckReport:
        return await Check(request).of(items)


def items(policy: CheckPolicy) -> Iterator[ItemOf]:
    for one in policy.services:
        if one.name == "no-items":
            raise LookupError("the items cannot be told")
        yield ItemOf(f"health of {one.name}", _OWN.get(one.name, asked(one.name)), within=BRIEFLY)


def asked(name: str) -> Callable[[], Awaitable[ItemResult]]:
    async def take() -> ItemResult:
        found: ItemResult = await workflow.execute_activity(
            LOOK,
            name,
            result_type=ItemResult,
            start_to_close_timeout=timedelta(minutes=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
            # Without heartbeats it never hears that nobody waits for it any more.
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        )
        return found

    return take


async def has_a_bug() -> ItemResult:
    raise TypeError("what cannot be added was added")


async def waits_for_ever() -> ItemResult:
    await asyncio.Event().wait()
    raise AssertionError("never")


async def is_asked_of_a_host_that_is_away() -> ItemResult:
    found: ItemResult = await workflow.execute_activity(
        LOOK,
        "well",
        task_queue="runbooks@away",
        result_type=ItemResult,
        schedule_to_start_timeout=timedelta(seconds=1),
        start_to_close_timeout=timedelta(minutes=1),
    )
    return found


_OWN: dict[str, Callable[[], Awaitable[ItemResult]]] = {
    "has-a-bug": has_a_bug,
    "waits": waits_for_ever,
    "elsewhere": is_asked_of_a_host_that_is_away,
}
