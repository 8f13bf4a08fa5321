"""The one workflow of the stand-in application: it fetches the products."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError


@activity.defn
async def fetch_products(refuses: str) -> int:
    """Ask the shop; while the file `refuses` is there, it refuses us."""
    if await asyncio.to_thread(Path(refuses).exists):
        raise ApplicationError("Amazon Associates: the marketplace is not valid", non_retryable=True)
    return 12


@workflow.defn
class SyncProducts:
    """Fails when the shop refuses."""

    @workflow.run
    async def run(self, refuses: str) -> int:
        return await workflow.execute_activity(
            fetch_products,
            refuses,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
