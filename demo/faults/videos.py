"""The faults behind NoVideosGenerated: the generator, the budget, the workflow or the products are missing.

They need a stack with all that is around the backend.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from temporalio.client import Client

from demo.faults.errors import around
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.faults.products import paused as schedule_paused
from demo.parts.http import plain_client
from demo.parts.video_state import USUAL_BUDGET, VideoState
from demo.parts.waiting import until
from demo.systems.services import BACKEND, Services
from demo.systems.temporal import AFFILIATE

DAY_ENDS_IN = 8.0
"""Seconds: then the budget of the next day begins."""


@asynccontextmanager
async def stalled(services: Services, **state: Any) -> AsyncIterator[None]:
    """The newest video is three hours old; the backend is told `state`. Afterwards all is as before."""
    around(services)
    directory = services.backend.state
    VideoState.read(directory).write(directory, **state)
    try:
        yield
    finally:
        VideoState().write(directory)
        await _made(services, hours_ago=0)


@asynccontextmanager
async def nothing_to_see(services: Services) -> AsyncIterator[None]:
    """No video was made, and nothing tells why."""
    async with stalled(services):
        await _made(services, hours_ago=3)
        yield


@asynccontextmanager
async def generator_down(services: Services) -> AsyncIterator[None]:
    """The generator is killed while videos are made; on the way out it comes back."""
    generator = around(services).generator
    async with stalled(services):
        await generator.kill()
        try:
            await _ended(services, "Failed")
            await _made(services, hours_ago=3)
            yield
        finally:
            await generator.start()
            await _ended(services, "Completed")


@asynccontextmanager
async def budget_spent(services: Services) -> AsyncIterator[None]:
    """A bill of more than the budget; in some seconds the next day begins."""
    async with stalled(services, resets_at=time.time() + DAY_ENDS_IN):
        async with services.cluster.superuser() as session:
            spend = "INSERT INTO costs (provider, dollars, at) VALUES ('pika', $1, now())"
            await session.execute(spend, USUAL_BUDGET)
        await _made(services, hours_ago=3)
        try:
            yield
        finally:
            async with services.cluster.superuser() as session:
                await session.execute("DELETE FROM costs WHERE dollars >= $1", USUAL_BUDGET)


@asynccontextmanager
async def workflow_crashed(services: Services) -> AsyncIterator[None]:
    """A workflow ended with a bug, which has been mended since."""
    async with stalled(services):
        around(services).render_crashes.touch()
        await _ended(services, "Failed")
        around(services).render_crashes.unlink()
        await _made(services, hours_ago=3)
        try:
            yield
        finally:
            await _ended(services, "Completed")


@asynccontextmanager
async def workflow_crashes(services: Services) -> AsyncIterator[None]:
    """A workflow ended with a bug, and would again."""
    async with stalled(services):
        around(services).render_crashes.touch()
        await _ended(services, "Failed")
        await _made(services, hours_ago=3)
        try:
            yield
        finally:
            around(services).render_crashes.unlink()
            await _ended(services, "Completed")


@asynccontextmanager
async def no_products(services: Services) -> AsyncIterator[None]:
    """All products are gone, and the schedule that would sync them is paused, and forgotten."""
    async with stalled(services), schedule_paused(services):
        async with services.cluster.superuser() as session:
            await session.execute("DELETE FROM products")
        await _made(services, hours_ago=3)
        yield


@asynccontextmanager
async def queue_paused(services: Services) -> AsyncIterator[None]:
    """Somebody paused the queue."""
    async with stalled(services, paused_by="lena"):
        await _made(services, hours_ago=3)
        yield


async def is_generated(services: Services) -> bool:
    """As the rule that raised the alert sees it."""
    async with plain_client(3.0) as client:
        try:
            answer = await client.get(f"{services.backend.url}/api/videos/last-generated")
        except httpx.HTTPError:
            return False
    age = answer.json()["ageSeconds"] if answer.is_success else None
    return age is not None and age < timedelta(hours=2).total_seconds()


async def _made(services: Services, hours_ago: int) -> None:
    """When the newest video was."""
    async with services.cluster.superuser() as session:
        await session.execute(f"UPDATE videos SET generated_at = now() - interval '{hours_ago} hours'")


async def _ended(services: Services, status: str) -> None:
    """Ask for videos, and wait until the workflow that makes them has ended so.

    What failed before is over once one has completed.
    """
    since = time.time()
    async with plain_client(3.0) as http:
        await http.post(f"{services.backend.url}/api/orchestrator/generate-videos")
    client = await Client.connect(around(services).temporal, namespace=AFFILIATE)
    ended = f"WorkflowType = 'GenerateVideos' AND ExecutionStatus = '{status}'"

    async def none() -> str:
        async for one in client.list_workflows(ended, limit=1):
            if one.close_time and one.close_time.timestamp() >= since:
                return ""
        return f"none is {status}"

    await until(f"a workflow that is {status}", none)


def _row(inject: Inject, cause: str, says: str, *, asks: bool = False, ends: bool = True) -> Fault:
    alert, needs = "NoVideosGenerated", OBSERVED
    return Fault(inject, cause, says, alert, BACKEND, asks=asks, ends=ends, needs=needs, is_over=is_generated)


FAULTS: dict[str, Fault] = {
    "videos-generator-down": _row(generator_down, "provider down", "the generator of videos is down"),
    "videos-budget-spent": _row(budget_spent, "budget hit", "the budget of the day is spent", asks=True),
    "videos-workflow-crashed": _row(
        workflow_crashed, "workflow crashed", "a workflow that makes videos had a bug"
    ),
    "videos-workflow-crashes": _row(
        workflow_crashes, "workflow crashed", "a workflow that makes videos has a bug", ends=False
    ),
    "videos-no-products": _row(no_products, "no products", "there is no product to make a video of"),
    "videos-paused": _row(queue_paused, "unknown", "somebody paused the queue of videos", ends=False),
    "videos-stalled": _row(nothing_to_see, "unknown", "no video is made, and nothing tells why", asks=True),
}
