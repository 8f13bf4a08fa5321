"""Where a failed workflow of the application can go on: read from the end of its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from temporalio import activity
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import Client

from activities.app.failures import FAILED, causes, error_of, failure_of, newest_run, state_in_words
from activities.app.temporal import TemporalAway, connected
from activities.support.redaction import clean
from models.base import Duration
from models.evidence.evidence import Evidence, Finding
from models.service.request import ServiceRequest

WITHIN = timedelta(seconds=8)
LAST_EVENTS = 250
"""So many are read; what failed stands among them, or the workflow is started again."""


_MOST_PARENTS = 5


class ProposeRetry(ServiceRequest):
    """How one failed run could be tried again."""

    workflow_id: str
    run_id: str
    within: Duration = WITHIN


class RetryProposal(Evidence):
    """`ok` when this exact run can be tried again. A failed child is tried again with its parent."""

    type: str = ""
    workflow_id: str = ""
    run_id: str = ""
    closed_at: datetime | None = None
    error: str = ""
    reset_to: int | None = None
    """The event of its history to go on from; None to start it again."""
    before: str = ""

    @property
    def what(self) -> dict[str, Any]:
        """The fields of `RetryWorkflow` that it names."""
        names = ("type", "workflow_id", "run_id", "closed_at", "error", "reset_to", "before")
        return {name: getattr(self, name) for name in names}


class RetryPoint(NamedTuple):
    """The event to reset to, and what is done again from there; without an event it starts again."""

    event: int | None = None
    before: str = ""

    @property
    def what(self) -> dict[str, Any]:
        """The fields of `RetryWorkflow` that it names."""
        names = ("type", "workflow_id", "run_id", "closed_at", "error", "reset_to", "before")
        return {name: getattr(self, name) for name in names}


class RetryProposalActivities:
    """Connects for each look."""

    @activity.defn
    async def propose_retry(self, request: ProposeRetry) -> RetryProposal:
        """Where the run can go on; `unknown` with the reason when it cannot. Never raises for its trouble."""
        temporal, now = request.service.temporal, datetime.now(UTC)
        if temporal is None:
            return RetryProposal(
                reason=f"no Temporal is configured for {request.service.name}", observed_at=now
            )
        try:
            async with connected(temporal, request.within) as client:
                return (await _propose(client, request)).model_copy(update={"observed_at": now})
        except TemporalAway as away:
            return RetryProposal(reason=str(away), observed_at=now)


async def _propose(client: Client, request: ProposeRetry) -> RetryProposal:
    workflow_id, run_id = request.workflow_id, request.run_id
    for _ in range(_MOST_PARENTS):
        described = await newest_run(client, workflow_id)
        info = described.workflow_execution_info
        if info.execution.run_id != run_id or described.workflow_extended_info.reset_run_id:
            state = state_in_words(info.status)
            reason = f"{workflow_id} was tried again meanwhile: run {info.execution.run_id} {state}"
            return RetryProposal(reason=clean(reason))
        if info.status not in FAILED:
            return RetryProposal(reason=clean(f"{workflow_id} {state_in_words(info.status)}"))
        parent = info.parent_execution
        if not parent.workflow_id:
            return await _proposal(client, described)
        workflow_id, run_id = parent.workflow_id, parent.run_id
    return RetryProposal(reason=f"{request.workflow_id} stands below too many parents")


async def _proposal(client: Client, described: DescribeWorkflowExecutionResponse) -> RetryProposal:
    info = described.workflow_execution_info
    workflow_id, run_id = info.execution.workflow_id, info.execution.run_id
    events = await _last_events(client, workflow_id, run_id)
    point = _retry_point(events)
    error = error_of(events[0] if events else None)
    how = "started again" if point.event is None else f"reset to event {point.event}"
    return RetryProposal(
        finding=Finding.OK,
        reason=clean(
            f"{info.type.name} {workflow_id} can be {how}; it failed with: {error or 'no known error'}"
        ),
        type=clean(info.type.name, 120),
        workflow_id=workflow_id,
        run_id=run_id,
        closed_at=info.close_time.ToDatetime(tzinfo=UTC),
        error=error,
        reset_to=point.event,
        before=clean(point.before, 120),
    )


async def _last_events(client: Client, workflow_id: str, run_id: str) -> tuple[HistoryEvent, ...]:
    """The end of a run's history, the last event first."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        maximum_page_size=LAST_EVENTS,
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    return tuple(answer.history.events)


def _retry_point(events: tuple[HistoryEvent, ...]) -> RetryPoint:
    """The task before the activity or child workflow that failed; else the last task that was completed.

    A run that timed out as a whole has no time left to go on: it starts again.
    """
    failure = failure_of(events[0] if events else None)
    if failure is None:
        return RetryPoint()
    by_id = {one.event_id: one for one in events}
    for one in causes(failure):
        point = _before(by_id, one.activity_failure_info.scheduled_event_id) or _before(
            by_id, one.child_workflow_execution_failure_info.initiated_event_id
        )
        if point:
            return point
    completed = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    last = next((one.event_id for one in events if one.event_type == completed), None)
    return RetryPoint(last)


def _before(by_id: Mapping[int, HistoryEvent], event_id: int) -> RetryPoint | None:
    """The task that asked for what this event began."""
    event = by_id.get(event_id)
    if event is None:
        return None
    if event.HasField("activity_task_scheduled_event_attributes"):
        activity = event.activity_task_scheduled_event_attributes
        return RetryPoint(
            activity.workflow_task_completed_event_id, f"activity {activity.activity_type.name}"
        )
    if event.HasField("start_child_workflow_execution_initiated_event_attributes"):
        child = event.start_child_workflow_execution_initiated_event_attributes
        return RetryPoint(
            child.workflow_task_completed_event_id, f"child workflow {child.workflow_type.name}"
        )
    return None
