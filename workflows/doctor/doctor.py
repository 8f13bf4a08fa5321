"""Doctor: each worker looks at what it uses, with the code and the rights that it works with."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, TimeoutError, TimeoutType

with workflow.unsafe.imports_passed_through():
    from activities.doctor.examine import DoctorActivities
    from models.examined import DoctorReport, DoctorRequest, Examine, Examined
    from models.names import queue_of
    from workflows.record.failures import in_short

HOST_AWAY = timedelta(seconds=8)
"""A worker that runs has taken it by then."""
WITHIN = timedelta(seconds=25)
BEATS = timedelta(seconds=9)


@workflow.defn
class Doctor:
    """Looks, decides nothing, and tells nobody but who asked."""

    @workflow.run
    async def run(self, request: DoctorRequest) -> DoctorReport:
        hosts = (None, *request.hosts)
        return DoctorReport(examined=tuple(await asyncio.gather(*map(_examined, hosts))))


async def _examined(host: str | None) -> Examined:
    try:
        seen: Examined = await workflow.execute_activity_method(
            DoctorActivities.examine,
            Examine(host=host),
            task_queue=queue_of(host),
            schedule_to_start_timeout=HOST_AWAY,
            start_to_close_timeout=WITHIN,
            heartbeat_timeout=BEATS,
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary=f"what the worker of {host} sees" if host else "what a worker sees",
        )
    except ActivityError as error:
        late = error.cause
        nobody = isinstance(late, TimeoutError) and late.type is TimeoutType.SCHEDULE_TO_START
        why = "no worker took it" if nobody else in_short(error)
        return Examined(host=host, not_looked=why)
    return seen
