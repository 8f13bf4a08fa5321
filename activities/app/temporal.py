"""The application's own Temporal: which of its workflows failed lately.

Evidence for the cause "failed workflows" of HighErrorRate, read through Temporal's client.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from pydantic import Field
from temporalio import activity
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.support.redaction import clean
from models.base import Duration, Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest
from models.service.surroundings import AppTemporal


class FailedExecutions(ServiceRequest):
    """Workflows of the application that failed or timed out within the configured window."""

    within: Duration = timedelta(seconds=5)
    newest: int = Field(default=200, ge=1, le=1000)
    """How many of them are read to count by type."""


class FailedType(Model):
    """One workflow type, how often it failed, and the newest failure."""

    type: str
    count: int
    workflow_id: str
    closed_at: datetime
    link: str = ""


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
        closed = f"{now - temporal.window:%Y-%m-%dT%H:%M:%S.%fZ}"
        query = f"ExecutionStatus IN ('Failed', 'TimedOut') AND CloseTime >= '{closed}'"
        try:
            async with asyncio.timeout(request.within.total_seconds()):
                client = await Client.connect(temporal.address, namespace=temporal.namespace)
                total = (await client.count_workflows(query)).count
                newest = [one async for one in client.list_workflows(query, limit=request.newest)]
        except TimeoutError:
            reason = f"no answer within {in_words(request.within)} from Temporal at {temporal.address}"
            return ExecutionsSeen(reason=reason, observed_at=now)
        except (RPCError, RuntimeError) as error:  # the SDK connects with a RuntimeError
            why = clean(str(error), 160)
            reason = f"Temporal at {temporal.address} cannot be asked: {why}"
            return ExecutionsSeen(reason=reason, observed_at=now)
        types = _by_type(newest, temporal)
        return ExecutionsSeen(
            finding=Finding.BAD if total else Finding.OK,
            reason=_in_words(total, types, temporal),
            observed_at=now,
            total=total,
            types=types,
            link=_link(temporal, f"workflows?{urlencode({'query': query})}"),
        )


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
            closed_at=one.close_time or one.start_time,
            link=_link(temporal, f"workflows/{quote(one.id, safe='')}/{one.run_id}/history"),
        )
        for name, one in newest.items()
    )
    return tuple(sorted(failed, key=lambda one: (-one.count, one.type)))


def _in_words(total: int, types: tuple[FailedType, ...], temporal: AppTemporal) -> str:
    window = in_words(temporal.window)
    if not total:
        return f"no workflow failed in the last {window}"
    named = ", ".join(f"{one.type} ({one.count})" for one in types[:3])
    newest = max(types, key=lambda one: one.closed_at, default=None)
    see = f"; the newest: {newest.link}" if newest and newest.link else ""
    return f"{total} workflows failed in the last {window}: {named}{see}"


def _link(temporal: AppTemporal, page: str) -> str:
    if not temporal.ui:
        return ""
    return f"{temporal.ui}/namespaces/{quote(temporal.namespace, safe='')}/{page}"
