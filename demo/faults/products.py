"""The faults behind NoProductsSynced: the shop, its key, the schedule or the loop keeps products from us.

They need a stack with all that is around the backend. Its users sync now and then, so they are sent home
meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import httpx
from dotenv import set_key
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleHandle,
    ScheduleUpdate,
    ScheduleUpdateInput,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError

from demo.faults.errors import around
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.observed import PAUSED_RECENTLY
from demo.orchestrator.loop import LOOP, make_schedule
from demo.parts.http import plain_client
from demo.parts.waiting import until
from demo.standins.shop import ShopState
from demo.systems.services import BACKEND, Services
from demo.systems.temporal import AFFILIATE

NEXT_KEY = "AKDEMOSHOP02"
AT_MOST = 5
"""Products that a shop which limits us gives at a time."""
MOST_TRIES = 5
"""Syncs of users that may meet an error which is meant for the loop."""
LIMITED_FOR = 5.0
"""Seconds."""


async def loop_of(services: Services) -> ScheduleHandle:
    """The application's schedule, in its own Temporal."""
    client = await Client.connect(around(services).temporal, namespace=AFFILIATE)
    return client.get_schedule_handle(LOOP)


async def make_loop_anew(services: Services) -> ScheduleHandle:
    """A schedule that has not run yet, and is not paused."""
    client = await Client.connect(around(services).temporal, namespace=AFFILIATE)
    with suppress(RPCError):
        await client.get_schedule_handle(LOOP).delete()
    await make_schedule(client)
    return client.get_schedule_handle(LOOP)


@asynccontextmanager
async def unsynced(services: Services, shop: ShopState | None = None) -> AsyncIterator[ScheduleHandle]:
    """Nobody syncs, and the shop is so; once it is left, all is as before."""
    its = around(services)
    await its.traffic.stop()
    loop = await make_loop_anew(services)
    if shop:
        shop.write(its.shop_state)
    try:
        yield loop
    finally:
        its.shop_state.unlink(missing_ok=True)
        its.loop_crashes.unlink(missing_ok=True)
        await make_loop_anew(services)
        await its.traffic.start()


@asynccontextmanager
async def paused(services: Services) -> AsyncIterator[None]:
    """Somebody paused the schedule, gave no reason, and forgot it."""
    async with unsynced(services) as loop:
        await _run(loop)
        await loop.pause()
        await asyncio.sleep(PAUSED_RECENTLY.total_seconds())
        await _grow_old(services)
        yield


@asynccontextmanager
async def paused_on_purpose(services: Services) -> AsyncIterator[None]:
    """Somebody paused it, and says why."""
    async with unsynced(services) as loop:
        await _run(loop)
        await loop.pause(note="the marketplace moves, ask lena")
        await _grow_old(services)
        yield


@asynccontextmanager
async def limited(services: Services) -> AsyncIterator[None]:
    """The shop answers 429 for some seconds, and then gives only a few at a time."""
    shop = ShopState(limited_until=time.time() + LIMITED_FOR, most=AT_MOST)
    async with unsynced(services, shop) as loop:
        await _run(loop)
        await _grow_old(services)
        yield


@asynccontextmanager
async def limited_and_paused(services: Services) -> AsyncIterator[None]:
    """The same; and the schedule was paused, and forgotten."""
    async with limited(services):
        await (await loop_of(services)).pause()
        await asyncio.sleep(PAUSED_RECENTLY.total_seconds())
        yield


@asynccontextmanager
async def limited_when_asked(services: Services) -> AsyncIterator[None]:
    """The loop crashed for a reason of its own; a sync by hand meets the limit."""
    async with loop_crashes(services):
        ShopState(limited_until=time.time() + LIMITED_FOR, most=AT_MOST).write(around(services).shop_state)
        yield


@asynccontextmanager
async def key_renewed(services: Services) -> AsyncIterator[None]:
    """The shop takes another key, which stands in the env file; the backend runs with the old one."""
    async with unsynced(services, ShopState(key=NEXT_KEY)) as loop:
        await _run(loop)
        await _grow_old(services)
        set_key(services.backend.env_file, "AMAZON_ACCESS_KEY", NEXT_KEY, quote_mode="never")
        yield


@asynccontextmanager
async def clock_off(services: Services) -> AsyncIterator[None]:
    """The clocks of shop and application differ, so that no signature is taken."""
    async with unsynced(services, ShopState(ahead=1200.0)) as loop:
        await _run(loop)
        await _grow_old(services)
        yield


@asynccontextmanager
async def shop_stumbles(services: Services) -> AsyncIterator[None]:
    """The shop fails the loop once; once more where a sync that a user began before met the error instead."""
    async with unsynced(services) as loop:
        for _ in range(MOST_TRIES):
            ShopState(errors=1).write(around(services).shop_state)
            await _run(loop)
            if await _has_failed(services, loop):
                break
        else:
            raise RuntimeError(f"the shop failed {MOST_TRIES} times, and never the loop")
        await _grow_old(services)
        yield


@asynccontextmanager
async def shop_fails(services: Services) -> AsyncIterator[None]:
    """The shop answers every request with an error."""
    async with unsynced(services, ShopState(errors=1000)) as loop:
        await _run(loop)
        await _grow_old(services)
        yield


@asynccontextmanager
async def loop_crashes(services: Services) -> AsyncIterator[None]:
    """The loop has a bug; the shop is well."""
    async with unsynced(services) as loop:
        around(services).loop_crashes.touch()
        await _run(loop)
        await _grow_old(services)
        yield


@asynccontextmanager
async def no_further_run(services: Services) -> AsyncIterator[None]:
    """The time of the schedule is over."""
    async with unsynced(services) as loop:
        await _run(loop)
        await loop.update(_ended)
        await _grow_old(services)
        yield


@asynccontextmanager
async def not_run_yet(services: Services) -> AsyncIterator[None]:
    """The schedule was just made, and its first run is still to come."""
    async with unsynced(services):
        await _grow_old(services)
        yield


@asynccontextmanager
async def nothing_given(services: Services) -> AsyncIterator[None]:
    """The shop gave the loop nothing, and nobody calls that an error."""
    async with unsynced(services, ShopState(empty=1)) as loop:
        await _grow_old(services)
        await _run(loop)
        yield


async def is_synced(services: Services) -> bool:
    """As the rule that raised the alert sees it."""
    async with plain_client(3.0) as client:
        try:
            answer = await client.get(f"{services.backend.url}/api/products/last-sync")
        except httpx.HTTPError:
            return False
    return answer.is_success and (answer.json()["ageSeconds"] or 0) < timedelta(hours=1).total_seconds()


def _ended(before: ScheduleUpdateInput) -> ScheduleUpdate:
    schedule = before.description.schedule
    schedule.spec.end_at = datetime.now(UTC)
    return ScheduleUpdate(schedule=schedule)


async def _run(loop: ScheduleHandle) -> None:
    """Let it run once, to its end."""
    before = (await loop.describe()).info.num_actions
    await loop.trigger()

    async def runs() -> str:
        info = (await loop.describe()).info
        ran = info.num_actions > before and not info.running_actions
        return "" if ran else f"{info.num_actions} runs so far"

    await until("a run of the loop", runs)


async def _has_failed(services: Services, loop: ScheduleHandle) -> bool:
    """Whether its newest run did."""
    newest = (await loop.describe()).info.recent_actions[-1].action
    if not isinstance(newest, ScheduleActionExecutionStartWorkflow):
        return False
    client = await Client.connect(around(services).temporal, namespace=AFFILIATE)
    run = client.get_workflow_handle(newest.workflow_id, run_id=newest.first_execution_run_id)
    return (await run.describe()).status is WorkflowExecutionStatus.FAILED


async def _grow_old(services: Services) -> None:
    """The newest product was synced three hours ago."""
    async with services.cluster.superuser() as session:
        await session.execute("UPDATE products SET synced_at = now() - interval '3 hours'")


def _row(inject: Inject, cause: str, says: str, *, asks: bool = False, ends: bool = True) -> Fault:
    alert, needs = "NoProductsSynced", OBSERVED
    return Fault(inject, cause, says, alert, BACKEND, asks=asks, ends=ends, needs=needs, is_over=is_synced)


FAULTS: dict[str, Fault] = {
    "products-paused": _row(paused, "paused", "the schedule is paused, and forgotten"),
    "products-paused-on-purpose": _row(
        paused_on_purpose, "paused on purpose", "somebody paused the schedule, and says why", asks=True
    ),
    "products-limited": _row(limited, "rate limit", "the shop answers 429 with Retry-After"),
    "products-limited-and-paused": _row(
        limited_and_paused, "rate limit", "the shop answers 429, and the schedule is paused"
    ),
    "products-limited-when-asked": _row(
        limited_when_asked, "loop crashed", "the loop crashed, and the shop limits who asks"
    ),
    "products-key-renewed": _row(
        key_renewed, "invalid credentials", "the shop takes another key than the backend has"
    ),
    "products-clock-off": _row(clock_off, "clock wrong", "the clocks of shop and backend differ", ends=False),
    "products-shop-stumbles": _row(shop_stumbles, "API error", "the shop fails once"),
    "products-shop-fails": _row(
        shop_fails, "API error", "the shop answers every request with an error", ends=False
    ),
    "products-loop-crashes": _row(loop_crashes, "loop crashed", "the application's loop has a bug"),
    "products-no-further-run": _row(
        no_further_run, "no further run", "the time of the schedule is over", ends=False
    ),
    "products-not-run-yet": _row(
        not_run_yet, "not due yet", "the schedule was just made, and has not run", asks=True
    ),
    "products-nothing-given": _row(
        nothing_given, "unknown", "the shop gives nothing, and nobody says why", asks=True
    ),
}
