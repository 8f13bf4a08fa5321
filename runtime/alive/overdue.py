"""Whether a check ran when it was due, by its calendar: a schedule that is gone cannot tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from runtime.connection import PATIENCE
from runtime.schedules import described
from workflows.checks.schedules import CheckSchedule


async def overdue(client: Client, row: CheckSchedule, now: datetime, began: datetime) -> timedelta:
    """How long it has been due without a run that ended well; one whose schedule is paused never is.

    What was due before its schedule became what it is, was never due by it; where there is none, what was
    due before this process `began`. A run that was open when it was due counts: its schedule skips then.
    Raises RPCError.
    """
    due = row.calendar.last_due(now) if row.enabled else None
    if due is None:
        return timedelta()
    seen = await described(client, row.id)
    since = began
    if seen is not None:
        if seen.schedule.state.paused:
            return timedelta()
        since = max(seen.info.created_at, seen.info.last_updated_at or seen.info.created_at)
    if due <= since:
        return timedelta()
    done = (
        f"WorkflowType = '{row.workflow}' AND ExecutionStatus = 'Completed' "
        f"AND CloseTime >= '{due.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"
    )
    count = await client.count_workflows(done, rpc_timeout=PATIENCE)
    return timedelta() if count.count else now - due
