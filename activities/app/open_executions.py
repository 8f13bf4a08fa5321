"""Which workflows of the application are open and get no further, and why.

Stuck is what fails again and again (an activity, or the workflow's own code), what no worker takes, and
what is open far longer than workflows of its type usually are. A type of which none ever completes, such as
one that runs for months by design, is not judged by its age.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field
from temporalio import activity
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from activities.app.failures import in_words_of
from activities.app.temporal import (
    TemporalAway,
    can_be_queried,
    connected,
    link_to_query,
    link_to_run,
    started_by,
)
from activities.support.redaction import clean
from models.base import Duration, Model, in_words
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest
from models.service.surroundings import AppTemporal

USUAL_OF = 50
"""Completed workflows of a type by which its usual duration is told."""
FEWEST = 3
"""With fewer, nobody knows what is usual."""


class OpenExecutions(ServiceRequest):
    """The open workflows of the application."""

    within: Duration = timedelta(seconds=8)
    most: int = Field(default=30, ge=1, le=200)
    """How many of them are looked at, the oldest of those that the search names first."""


class StuckExecution(Model):
    """One open workflow that gets no further."""

    type: str
    workflow_id: str
    run_id: str
    since: datetime
    why: str
    attempts: int = 0
    """Of the activity, or the task, that fails again and again."""
    schedule: str = ""
    """What started it; empty where it was no schedule."""
    link: str = ""


class OpenExecutionsSeen(Evidence):
    """`bad` when any is stuck; `running` are the types of those that get on."""

    total: int = 0
    stuck: tuple[StuckExecution, ...] = ()
    running: tuple[str, ...] = ()
    link: str = ""


class OpenExecutionActivities:
    """Connects for each look."""

    @activity.defn
    async def open_executions(self, request: OpenExecutions) -> OpenExecutionsSeen:
        """Open workflows that get no further, the one open longest first. Never raises for its trouble."""
        temporal, now = request.service.temporal, datetime.now(UTC)
        if temporal is None:
            reason = f"no Temporal is configured for {request.service.name}"
            return OpenExecutionsSeen(reason=reason, observed_at=now)
        query = "ExecutionStatus = 'Running'"
        try:
            async with connected(temporal, request.within) as client:
                total = (await client.count_workflows(query)).count
                listed = [one async for one in client.list_workflows(query, limit=10 * request.most)]
                oldest = sorted(listed, key=lambda one: one.start_time)[: request.most]
                looking = _Looking(client, temporal, now)
                judged = await asyncio.gather(*(looking.at(one) for one in oldest))
        except TemporalAway as away:
            return OpenExecutionsSeen(reason=str(away), observed_at=now)
        stuck = tuple(one for one in judged if one)
        running = {one.workflow_type for one, why in zip(oldest, judged, strict=True) if why is None}
        return OpenExecutionsSeen(
            finding=Finding.BAD if stuck else Finding.OK,
            reason=_in_words(total, stuck),
            observed_at=now,
            total=total,
            stuck=stuck,
            running=tuple(sorted(clean(name, 120) for name in running)),
            link=link_to_query(temporal, query),
        )


class _Looking:
    """One look at several executions; what is usual, and who polls, is asked once."""

    def __init__(self, client: Client, temporal: AppTemporal, now: datetime) -> None:
        self._client, self._temporal, self._now = client, temporal, now
        self._usual: dict[str, asyncio.Task[tuple[timedelta, ...]]] = {}
        self._polled: dict[str, asyncio.Task[bool]] = {}

    async def at(self, one: WorkflowExecution) -> StuckExecution | None:
        """Why it is stuck; None while it gets on, or has ended meanwhile."""
        try:
            handle = self._client.get_workflow_handle(one.id, run_id=one.run_id)
            described = (await handle.describe()).raw_description
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        attempts, why = _fails_again(described, self._temporal.stuck_attempts)
        why = why or await self._nobody_takes(described, one) or await self._too_long(one)
        if not why:
            return None
        return StuckExecution(
            type=clean(one.workflow_type, 120),
            workflow_id=clean(one.id, 200),
            run_id=one.run_id,
            since=one.start_time,
            why=why,
            attempts=attempts,
            schedule=started_by(one),
            link=link_to_run(self._temporal, one.id, one.run_id),
        )

    async def _nobody_takes(
        self, described: DescribeWorkflowExecutionResponse, one: WorkflowExecution
    ) -> str:
        """A task that waits although nobody polls its queue."""
        if not described.HasField("pending_workflow_task"):
            return ""
        waits = self._now - described.pending_workflow_task.scheduled_time.ToDatetime(tzinfo=UTC)
        if waits < min(self._temporal.stuck_after, timedelta(minutes=1)):
            return ""
        if one.task_queue not in self._polled:
            self._polled[one.task_queue] = asyncio.create_task(self._is_polled(one.task_queue))
        if await self._polled[one.task_queue]:
            return ""
        return clean(f"no worker polls its task queue {one.task_queue}", 200)

    async def _is_polled(self, queue: str) -> bool:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        answer = await self._client.workflow_service.describe_task_queue(request)
        return bool(answer.pollers)

    async def _too_long(self, one: WorkflowExecution) -> str:
        age = self._now - one.start_time
        if age < self._temporal.stuck_after or not can_be_queried(one.workflow_type):
            return ""
        if one.workflow_type not in self._usual:
            asking = asyncio.create_task(self._durations(one.workflow_type))
            self._usual[one.workflow_type] = asking
        usual = await self._usual[one.workflow_type]
        if len(usual) < FEWEST or age < max(usual) * self._temporal.stuck_factor:
            return ""
        return f"open for {in_words(age)}, where {in_words(sorted(usual)[len(usual) // 2])} is usual"

    async def _durations(self, workflow_type: str) -> tuple[timedelta, ...]:
        query = f"WorkflowType = '{workflow_type}' AND ExecutionStatus = 'Completed'"
        done = [one async for one in self._client.list_workflows(query, limit=USUAL_OF)]
        return tuple(one.close_time - one.start_time for one in done if one.close_time)


def _fails_again(described: DescribeWorkflowExecutionResponse, limit: int) -> tuple[int, str]:
    """The attempts and the error of what fails again and again; a paused activity fails no more."""
    task = described.pending_workflow_task
    if task.attempt >= limit:
        return task.attempt, f"its own code fails at attempt {task.attempt}: its worker's log says why"
    failing = [one for one in described.pending_activities if one.attempt >= limit and not one.paused]
    if not failing:
        return 0, ""
    worst = max(failing, key=lambda one: one.attempt)
    error = in_words_of(worst.last_failure) if worst.HasField("last_failure") else "its attempts do not end"
    why = f"activity {worst.activity_type.name} is at attempt {worst.attempt}: {error}"
    return worst.attempt, clean(why, 400)


def _in_words(total: int, stuck: Sequence[StuckExecution]) -> str:
    if not stuck:
        return f"{total} workflows are open, and none is known to be stuck"
    named = "; ".join(f"{one.type} {one.workflow_id}: {one.why}" for one in stuck[:3])
    more = f"; and {len(stuck) - 3} more" if len(stuck) > 3 else ""
    return f"{len(stuck)} of {total} open workflows are stuck: {named}{more}"
