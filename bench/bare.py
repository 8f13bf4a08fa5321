"""Bare Temporal: the least that does the same, with the SDK's and the server's own defaults."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow

QUEUE = "bare"
ONE_LOOK, POLLED_WATCH, WAITS = "OneLook", "PolledWatch", "Waits"
SHORT = timedelta(seconds=10)


with workflow.unsafe.imports_passed_through():
    import httpx


class Probes:
    """One HTTP client for all of them."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @activity.defn
    async def probe(self, url: str) -> int:
        """`GET`, and the status."""
        return (await self._client.get(url)).status_code


@activity.defn
async def look(service: str) -> str:
    """A look that costs nothing."""
    return service


@workflow.defn(name=ONE_LOOK)
class OneLook:
    """One probe as an ordinary activity."""

    @workflow.run
    async def run(self, url: str) -> int:
        return await workflow.execute_activity_method(Probes.probe, url, start_to_close_timeout=SHORT)


@workflow.defn(name=POLLED_WATCH)
class PolledWatch:
    """A watch as one would first write it: a timer and a probe, again and again."""

    @workflow.run
    async def run(self, samples: int) -> None:
        for _ in range(samples):
            await workflow.execute_activity(look, "one sample", start_to_close_timeout=SHORT)
            await asyncio.sleep(0.05)


@workflow.defn(name=WAITS)
class Waits:
    """One look, then waiting for a person's word."""

    def __init__(self) -> None:
        self.approved = False

    @workflow.signal
    def approve(self) -> None:
        self.approved = True

    @workflow.run
    async def run(self, service: str) -> None:
        await workflow.execute_activity(look, service, start_to_close_timeout=SHORT)
        await workflow.wait_condition(lambda: self.approved)
