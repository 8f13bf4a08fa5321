"""The workflow of the stand-in application that fetches the products from the shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from demo.orchestrator.shop import ShopActivities


@dataclass(frozen=True)
class Wanted:
    """How many products are asked for at most; none says as many as there are."""

    limit: int | None = None


@workflow.defn
class SyncProducts:
    """Fails when the shop refuses."""

    @workflow.run
    async def run(self, wanted: Wanted) -> int:
        return await workflow.execute_activity_method(
            ShopActivities.fetch_products,
            wanted.limit,
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
