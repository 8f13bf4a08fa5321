"""Which workflows of the application failed lately, and the error that ended the newest of each type.

Evidence for "workflow failures" of HighErrorRate and "workflow crashed" of NoVideosGenerated.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from pydantic import Field
from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from activities.app.failures import close_event, error_of
from activities.app.temporal import (
    TemporalAway,
    can_be_queried,
    connected,
    in_query,
    link_to_query,
    link_to_run,
)
from activities.support.redaction import clean
from models.base import Duration, Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest
from models.service.surroundings import AppTemporal

DETAILED = 5
"""Types of which the newest failure is read, and what became of the type since."""


class FailedExecutions(ServiceRequest):
    """Workflows of the application that failed or timed out within the configured window."""

    within: Duration = timedelta(seconds=5)
    newest: int = Field(default=200, ge=1, le=1000)
    """How many of them are read to count by type."""
    window: Duration = timedelta()
    """Another window than `temporal.window`, where this one is longer."""


class FailedType(Model):
    """One workflow type, how often it failed, and the newest failure."""

    type: str
    count: int
    workflow_id: str
    closed_at: datetime
    link: str = ""
    run_id: str = ""
    error: str = ""
    """What ended it; empty when that is not known."""
    completed_at: datetime | None = None
    """When one of this type completed after that."""
    open_since: datetime | None = None
    """Since when one of this type, which began after that, is open."""
    next_at: datetime | None = None
    """When the one that is open begins: it waits, by its retry policy or cron."""

    @property
    def failed_for_good(self) -> bool:
        """Nothing of this type has begun or completed since."""
        return self.completed_at is None and (self.open_since is None or self.next_at is not None)


class ExecutionsSeen(Evidence):
    """`bad` when any failed. `total` is exact; `types` counts the newest, the most frequent first."""

    total: int = 0
    types: tuple[FailedType, ...] = ()
    link: str = ""
    """All of them, in the web interface."""


class AppTemporalActivities:
    """Connects for each look: the application's Temporal may come and go without the worker."""

    @activity.defn
    async def failed_executions(self, request: FailedExecutions) -> ExecutionsSeen:
        """Workflows that failed or timed out within the window, by type. Never raises for its trouble."""
        temporal, now = request.service.temporal, datetime.now(UTC)
        if temporal is None:
            reason = f"no Temporal is configured for {request.service.name}"
            return ExecutionsSeen(reason=reason, observed_at=now)
        window = max(temporal.window, request.window)
        closed = in_query(now - window)
        query = f"ExecutionStatus IN ('Failed', 'TimedOut') AND CloseTime >= {closed}"
        try:
            async with connected(temporal, request.within) as client:
                total = (await client.count_workflows(query)).count
                newest = [one async for one in client.list_workflows(query, limit=request.newest)]
                types = _by_type(newest, temporal)
                detailed = await asyncio.gather(*(_detailed(client, one) for one in types[:DETAILED]))
        except TemporalAway as away:
            return ExecutionsSeen(reason=str(away), observed_at=now)
        types = (*detailed, *types[DETAILED:])
        return ExecutionsSeen(
            finding=Finding.BAD if total else Finding.OK,
            reason=_in_words(total, types, window),
            observed_at=now,
            total=total,
            types=types,
            link=link_to_query(temporal, query),
        )


async def _detailed(client: Client, failed: FailedType) -> FailedType:
    """With the error that ended it, and what became of its type since."""
    if not can_be_queried(failed.type):
        return failed.model_copy(update={"error": await _error(client, failed)})
    since = in_query(failed.closed_at)
    of_type = f"WorkflowType = '{failed.type}' AND ExecutionStatus"
    error, completed, running = await asyncio.gather(
        _error(client, failed),
        _listed(client, f"{of_type} = 'Completed' AND CloseTime > {since}", 1),
        _listed(client, f"{of_type} = 'Running' AND StartTime >= {since}", 20),
    )
    now = datetime.now(UTC)
    waiting = [one.execution_time for one in running if one.execution_time and one.execution_time > now]
    return failed.model_copy(
        update={
            "error": error,
            "completed_at": completed[0].close_time if completed else None,
            "open_since": min((one.start_time for one in running), default=None),
            "next_at": min(waiting) if running and len(waiting) == len(running) else None,
        }
    )


async def _listed(client: Client, query: str, limit: int) -> list[WorkflowExecution]:
    return [one async for one in client.list_workflows(query, limit=limit)]


async def _error(client: Client, failed: FailedType) -> str:
    """Its history may be gone before the search forgets it."""
    try:
        return error_of(await close_event(client, failed.workflow_id, failed.run_id))
    except RPCError:
        return ""


def _by_type(executions: list[WorkflowExecution], temporal: AppTemporal) -> tuple[FailedType, ...]:
    """Counted by type; the list is newest first, so that the first of a type is its newest."""
    newest: dict[str, WorkflowExecution] = {}
    counts: dict[str, int] = {}
    for one in executions:
        newest.setdefault(one.workflow_type, one)
        counts[one.workflow_type] = counts.get(one.workflow_type, 0) + 1
    failed = (
        FailedType(
            type=clean(name, 120),
            count=counts[name],
            workflow_id=clean(one.id, 200),
            run_id=one.run_id,
            error="it timed out" if one.status is WorkflowExecutionStatus.TIMED_OUT else "",
            closed_at=one.close_time or one.start_time,
            link=link_to_run(temporal, one.id, one.run_id),
        )
        for name, one in newest.items()
    )
    return tuple(sorted(failed, key=lambda one: (-one.count, one.type)))


def _in_words(total: int, types: tuple[FailedType, ...], window: timedelta) -> str:
    if not total:
        return f"no workflow failed in the last {in_words(window)}"
    named = ", ".join(f"{one.type} ({one.count})" for one in types[:3])
    newest = max(types, key=lambda one: one.closed_at, default=None)
    why = f": {newest.error}" if newest and newest.error else ""
    see = (
        f"; the newest{why}: {newest.link}" if newest and newest.link else f"; the newest{why}" if why else ""
    )
    return f"{total} workflows failed in the last {in_words(window)}: {named}{see}"
