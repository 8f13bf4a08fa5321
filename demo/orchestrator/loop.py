"""The application's loop: a schedule that starts a workflow each hour, which has the backend sync."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import httpx

LOOP = "daily-control-loop"
QUEUE = "affiliate"
EVERY = timedelta(hours=1)


class LoopActivities:
    """Calls the backend, as its users do."""

    def __init__(self, client: httpx.AsyncClient, backend: str, crashes: Path) -> None:
        self._client = client
        self._backend = backend
        self._crashes = crashes

    @activity.defn
    async def have_products_synced(self) -> int:
        """While the file `crashes` is there, the loop has a bug."""
        if self._crashes.exists():
            raise ApplicationError("TypeError: cannot read the price of undefined", non_retryable=True)
        answer = await self._client.post(f"{self._backend}/api/orchestrator/sync-products")
        if not answer.is_success:
            raise ApplicationError(str(answer.json()["error"]), non_retryable=True)
        return int(answer.json()["synced"])


@workflow.defn
class DailyControlLoop:
    """One round."""

    @workflow.run
    async def run(self) -> int:
        return await workflow.execute_activity_method(
            LoopActivities.have_products_synced,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def make_schedule(client: Client) -> None:
    """Unless it is there: it outlives its worker."""
    action = ScheduleActionStartWorkflow(DailyControlLoop.run, id=LOOP, task_queue=QUEUE)
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=EVERY)])
    policy = SchedulePolicy(catchup_window=timedelta(minutes=1))
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(LOOP, Schedule(action=action, spec=spec, policy=policy))
