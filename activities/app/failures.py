"""How a run of the application's workflows stands, and the error that ended it."""

from __future__ import annotations

from collections.abc import Iterator

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TimeoutType, WorkflowExecutionStatus
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import Client, WorkflowHistoryEventFilterType

from activities.support.redaction import clean

ERROR_LIMIT = 300
_DEEPEST = 20
FAILED = (
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
)
_OPEN = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_TIMEOUTS = {
    TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE: "one attempt took too long",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START: "no worker took it in time",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE: "its attempts took too long",
    TimeoutType.TIMEOUT_TYPE_HEARTBEAT: "its worker was no longer heard",
}
ENCRYPTED = "its error is encrypted: read it in the application's Temporal UI"


async def close_event(client: Client, workflow_id: str, run_id: str) -> HistoryEvent | None:
    """The last event of a run that is closed; None while it is open."""
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    only_the_end = WorkflowHistoryEventFilterType.CLOSE_EVENT
    events = handle.fetch_history_events(page_size=1, event_filter_type=only_the_end)
    found: HistoryEvent | None = None
    async for event in events:
        found = event
    return found


def failure_of(event: HistoryEvent | None) -> Failure | None:
    """The failure of a run that ended with one; none for a run that timed out as a whole."""
    if event is None or not event.HasField("workflow_execution_failed_event_attributes"):
        return None
    return event.workflow_execution_failed_event_attributes.failure


def error_of(event: HistoryEvent | None) -> str:
    """What ended the run, or who terminated it, in one sentence; empty when it is not known."""
    if event is not None and event.HasField("workflow_execution_terminated_event_attributes"):
        ended = event.workflow_execution_terminated_event_attributes
        return clean(f"by {ended.identity or 'somebody'}: {ended.reason or 'no reason given'}", ERROR_LIMIT)
    if event is not None and event.HasField("workflow_execution_timed_out_event_attributes"):
        return "the workflow as a whole took too long"
    failure = failure_of(event)
    return in_words_of(failure) if failure else ""


def in_words_of(failure: Failure) -> str:
    """The failed activity or child workflow, and the error at the root of it."""
    chain = tuple(causes(failure))
    if any(one.HasField("encoded_attributes") for one in chain):
        return ENCRYPTED
    where = next((name for one in chain if (name := _where(one))), "")
    root = chain[-1]
    kind = root.application_failure_info.type
    says = _TIMEOUTS.get(root.timeout_failure_info.timeout_type, root.message) or root.message
    named = f"{kind}: {says}" if kind and kind not in says else says
    return clean(f"{where}: {named}" if where else named, ERROR_LIMIT)


def causes(failure: Failure) -> Iterator[Failure]:
    """The failure and all that led to it."""
    for _ in range(_DEEPEST):
        yield failure
        if not failure.HasField("cause"):
            return
        failure = failure.cause


def _where(failure: Failure) -> str:
    if failure.HasField("activity_failure_info"):
        return f"activity {failure.activity_failure_info.activity_type.name}"
    if failure.HasField("child_workflow_execution_failure_info"):
        return f"child workflow {failure.child_workflow_execution_failure_info.workflow_type.name}"
    return ""


async def newest_run(client: Client, workflow_id: str) -> DescribeWorkflowExecutionResponse:
    """The newest run of a workflow."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    return await client.workflow_service.describe_workflow_execution(request)


def state_in_words(status: WorkflowExecutionStatus.ValueType) -> str:
    if status == _OPEN:
        return "is open"
    name = WorkflowExecutionStatus.Name(status).removeprefix("WORKFLOW_EXECUTION_STATUS_")
    return f"ended as {name.lower().replace('_', ' ')}"
