"""A worker in a process of its own that watches a service's health: made to be killed.

`python -m tests.parts.product.watching_worker ADDRESS QUEUE`
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import httpx

    from activities.health.probe import HealthActivities
    from models.evidence.evidence import VerificationRequest, VerificationResult

HEARTBEAT_TIMEOUT = timedelta(seconds=2)


@workflow.defn
class Watching:
    """Nothing but the watch."""

    @workflow.run
    async def run(self, request: VerificationRequest) -> VerificationResult:
        return await workflow.execute_activity_method(
            HealthActivities.watch_health,
            request,
            start_to_close_timeout=timedelta(minutes=2),
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
        )


async def main(address: str, queue: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with httpx.AsyncClient(trust_env=False) as http:
        watch = HealthActivities(http).watch_health
        await Worker(client, task_queue=queue, workflows=[Watching], activities=[watch]).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
