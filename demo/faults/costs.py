"""The faults behind HighApiCosts: each makes the application spend more than its budget, for real.

They need a stack that observes the backend among all that is around it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

import httpx
from dotenv import set_key
from temporalio.client import Client, ScheduleUpdate
from temporalio.service import RPCError

from demo.faults.errors import around
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.observed import BUDGET, PACE, SPENT
from demo.orchestrator.loop import QUEUE
from demo.orchestrator.speech import SPEECH, Clip, GenerateSpeech, speech_schedule
from demo.parts.http import plain_client
from demo.parts.waiting import until
from demo.systems.services import BACKEND, Services
from demo.systems.temporal import AFFILIATE

HOURLY, TWENTY_AN_HOUR = 3600, 180
MUCH = 4.0
"""Dollars a second: four times what the budget allows."""
CALM = 0.2
"""Dollars a second, well within the budget."""
AT_ONCE = 4 * BUDGET


@asynccontextmanager
async def many_tokens(services: Services) -> AsyncIterator[None]:
    """Each run of the loop has texts written for two hundred products."""
    async with _generating(services, DAILY_LOOP_INTERVAL=HOURLY, MAX_PRODUCTS_PER_RUN=200):
        yield


@asynccontextmanager
async def generating_often(services: Services) -> AsyncIterator[None]:
    """The loop runs twenty times an hour."""
    values = {"DAILY_LOOP_INTERVAL": TWENTY_AN_HOUR, "MAX_PRODUCTS_PER_RUN": 2, "MAX_VIDEOS_PER_RUN": 1}
    async with _generating(services, **values):
        yield


@asynccontextmanager
async def many_videos(services: Services) -> AsyncIterator[None]:
    """Each run of the loop makes a hundred videos."""
    async with _generating(services, DAILY_LOOP_INTERVAL=HOURLY, MAX_VIDEOS_PER_RUN=100):
        yield


@asynccontextmanager
async def two_bills(services: Services) -> AsyncIterator[None]:
    """Far too many videos, and more texts than usual."""
    values = {"DAILY_LOOP_INTERVAL": HOURLY, "MAX_VIDEOS_PER_RUN": 100, "MAX_PRODUCTS_PER_RUN": 25}
    async with _generating(services, **values):
        yield


@asynccontextmanager
async def another_provider(services: Services) -> AsyncIterator[None]:
    """The videos are made by a provider that nobody has configured."""
    values = {"DAILY_LOOP_INTERVAL": HOURLY, "MAX_VIDEOS_PER_RUN": 100, "VIDEO_PROVIDER": "runway"}
    async with _generating(services, **values):
        yield


@asynccontextmanager
async def scheduled_loop(services: Services) -> AsyncIterator[None]:
    """The schedule of the speech starts a workflow each second, which pays for each of its attempts."""
    client, backend = await _application(services), services.backend.url
    schedule = client.get_schedule_handle(SPEECH)
    often = speech_schedule(Clip(backend, dollars=1, attempts=4), timedelta(seconds=1))
    await _little_is_spent(services)
    await schedule.update(lambda _: ScheduleUpdate(schedule=often))
    try:
        await _much_is_spent(services)
        yield
    finally:
        hourly = speech_schedule(Clip(backend, dollars=0.01), timedelta(hours=1))
        await schedule.update(lambda _: ScheduleUpdate(schedule=hourly))


@asynccontextmanager
async def endless_retry(services: Services) -> AsyncIterator[None]:
    """One workflow, started by hand, tries the same clip for ever."""
    client = await _application(services)
    clip = Clip(services.backend.url, dollars=MUCH, attempts=0)
    await _little_is_spent(services)
    loop = await client.start_workflow(GenerateSpeech.run, clip, id="clip-of-product-7", task_queue=QUEUE)
    try:
        await _much_is_spent(services)
        yield
    finally:
        with suppress(RPCError):  # a person may have ended it
            await loop.terminate("the demo ends it")


@asynccontextmanager
async def spent_at_once(services: Services) -> AsyncIterator[None]:
    """A year's worth of clips is bought at once, and nothing since."""
    await _little_is_spent(services)
    await _pay(services, "elevenlabs", AT_ONCE)
    await until("the spend known", partial(_below, services, SPENT, BUDGET, over=True))
    await until("nothing spent since", partial(_below, services, PACE, CALM))
    yield


@asynccontextmanager
async def stolen_key(services: Services) -> AsyncIterator[None]:
    """Somebody else uses the key: no setting of the application changes that."""
    await _little_is_spent(services)
    await _set(services, MAX_PRODUCTS_PER_RUN=200)

    async def use_it() -> None:
        while True:
            with suppress(httpx.HTTPError):  # the backend is recreated meanwhile
                await _pay(services, "openai", MUCH / 5)
            await asyncio.sleep(0.2)

    using = asyncio.create_task(use_it())
    try:
        await _much_is_spent(services)
        yield
    finally:
        using.cancel()


@asynccontextmanager
async def _generating(services: Services, **values: object) -> AsyncIterator[None]:
    await _little_is_spent(services)
    await _set(services, **values)
    await _much_is_spent(services)
    yield


async def _set(services: Services, **values: object) -> None:
    """Several settings of its env file, and a backend that runs with them."""
    for key, value in values.items():
        set_key(services.backend.env_file, key, str(value), quote_mode="never")
    await services.recreate_backend()
    await until("backend healthy", services.backend.is_healthy)


async def _pay(services: Services, provider: str, dollars: float) -> None:
    async with plain_client(2.0) as client:
        url = f"{services.backend.url}/api/cost-tracking/spend"
        (await client.post(url, json={"provider": provider, "dollars": dollars})).raise_for_status()


async def _application(services: Services) -> Client:
    return await Client.connect(around(services).temporal, namespace=AFFILIATE)


async def _little_is_spent(services: Services) -> None:
    """What was spent before does not count to this fault."""
    await until("little spent", partial(_below, services, SPENT, BUDGET / 4))


async def _much_is_spent(services: Services) -> None:
    """Wait until Prometheus knows of more than the budget: what the alert is raised by."""
    await until("much spent", partial(_below, services, SPENT, BUDGET, over=True))


async def _below(services: Services, query: str, limit: float, *, over: bool = False) -> str:
    found = await around(services).prometheus.value(query)
    if found is None:
        return "nobody knows yet"
    return "" if (found > limit) == over else f"it is ${found:.2f}"


async def is_over(services: Services) -> bool:
    """Whether the budget is kept, as the rule sees it."""
    return not await _below(services, SPENT, BUDGET) and not await _below(services, PACE, CALM * MUCH)


def _row(inject: Inject, cause: str, says: str, *, ends: bool = True) -> Fault:
    return Fault(
        inject, cause, says, "HighApiCosts", BACKEND, asks=ends, ends=ends, needs=OBSERVED, is_over=is_over
    )


FAULTS: dict[str, Fault] = {
    "costs-tokens": _row(many_tokens, "high token use", "the backend has texts written for 200 products"),
    "costs-generation": _row(generating_often, "heavy generation", "the loop runs twenty times an hour"),
    "costs-videos": _row(many_videos, "too many videos", "each run of the loop makes a hundred videos"),
    "costs-two-bills": _row(two_bills, "too many videos", "too many videos, and many texts as well"),
    "costs-loop": _row(scheduled_loop, "retry loop", "a schedule starts a paid workflow each second"),
    "costs-endless-retry": _row(
        endless_retry, "retry loop", "one workflow pays for the same clip for ever", ends=False
    ),
    "costs-at-once": _row(spent_at_once, "over already", "four budgets are spent at once", ends=False),
    "costs-elsewhere": _row(another_provider, "unknown", "an unknown provider makes too many videos"),
    "costs-stolen-key": _row(stolen_key, "high token use", "somebody else uses the key", ends=False),
}
