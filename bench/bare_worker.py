"""`python -m bench.bare_worker`: a worker with nothing but the SDK's defaults."""

from __future__ import annotations

import asyncio

import httpx
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.worker import Worker

from bench.bare import QUEUE, OneLook, PolledWatch, Probes, Waits, look


async def main() -> None:
    """Work until killed."""
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    async with httpx.AsyncClient() as http:
        activities = [Probes(http).probe, look]
        kinds = [OneLook, PolledWatch, Waits]
        await Worker(client, task_queue=QUEUE, workflows=kinds, activities=activities).run()


if __name__ == "__main__":
    asyncio.run(main())
