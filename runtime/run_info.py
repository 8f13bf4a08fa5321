"""What Temporal knows of one run, as it was sent: pages ask often, and need little of it."""

from __future__ import annotations

from typing import NamedTuple

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client

from models.messages import BEGAN_IN
from runtime.connection import PATIENCE
from runtime.errors import in_time


class Current(NamedTuple):
    """The newest firing of an incident: the run in which it began, and whether it goes on."""

    began_in: str
    runs: bool
    run_id: str
    """Its newest run."""
    length: int
    """Events of that run's history."""


async def current_of(client: Client, incident: str) -> Current:
    """Its newest run. Raises NoSuchIncident and TemporalAway."""
    info = await info_of(client, incident)
    began_in, memo = info.execution.run_id, info.memo.fields.get(BEGAN_IN)
    if memo is not None:
        (began_in,) = await client.data_converter.decode([memo], [str])
    runs = info.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
    return Current(began_in, runs, info.execution.run_id, info.history_length)


async def info_of(client: Client, incident: str, run_id: str = "") -> WorkflowExecutionInfo:
    """Of its newest run, where none is named. Raises as `current_of` does."""
    async with in_time(PATIENCE, incident):
        return await described(client, incident, run_id)


async def described(client: Client, incident: str, run_id: str = "") -> WorkflowExecutionInfo:
    """One call. Raises RPCError."""
    execution = WorkflowExecution(workflow_id=incident, run_id=run_id)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    seen = await client.workflow_service.describe_workflow_execution(request, retry=True, timeout=PATIENCE)
    return seen.workflow_execution_info
