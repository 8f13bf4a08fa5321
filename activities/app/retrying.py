"""Tries a failed workflow of the application again: one exact run, once.

The server does not recognise a second reset by its request ID, so what it says of the runs decides: a run
that was reset names the new one, and the newest run of a workflow is another one once it was started again.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio import activity
from temporalio.api.common.v1 import SearchAttributes, WorkflowExecution
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    ResetWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.app.failures import FAILED, newest_run, state_in_words
from activities.app.temporal import TemporalAway, connected
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.actions.change import ActionResult, Perform
from models.actions.executions import RetryWorkflow
from models.service.surroundings import AppTemporal

WITHIN = timedelta(seconds=8)
SETTLES_WITHIN = timedelta(seconds=10)
"""In this time it must show whether a call without an answer was taken."""
IDENTITY = "runbooks"

_NEVER_TAKEN = (
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.ALREADY_EXISTS,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNAUTHENTICATED,
    RPCStatusCode.FAILED_PRECONDITION,
)


class RetryActivities:
    """Connects for each look and each action."""

    def __init__(self, settles_within: timedelta = SETTLES_WITHIN) -> None:
        self._settles_within = settles_within

    @activity.defn
    async def retry_workflow(self, request: Perform[RetryWorkflow]) -> ActionResult:
        """Done when the run that failed has a successor. Safe to repeat.

        Raises `ApplicationError`, non-retryable: `OutcomeLost` when nobody could be asked afterwards.
        """
        action = request.action
        temporal = action.service.temporal
        if temporal is None:
            raise _final(f"no Temporal is configured for {action.service.name}", "Unsupported")
        async with beating():
            try:
                async with connected(temporal, WITHIN) as client:
                    before = await _standing(client, action)
                    if not before.may_act:
                        return _effect(before.again, before.says)
            except TemporalAway as away:
                raise _final(f"nothing was done: {away}", "Unreachable") from away
            refused = await self._act(temporal, request)
            return await self._seen_afterwards(temporal, action, refused)

    async def _act(self, temporal: AppTemporal, request: Perform[RetryWorkflow]) -> str:
        """Why it was refused; empty when it was taken, or may have been."""
        try:
            async with connected(temporal, WITHIN) as client:
                if request.action.reset_to is None:
                    await _start_again(client, request)
                else:
                    await _reset(client, request, request.action.reset_to)
        except TemporalAway as away:
            error = away.__cause__
            if isinstance(error, RPCError) and error.status in _NEVER_TAKEN:
                return str(away)
        return ""

    async def _seen_afterwards(
        self, temporal: AppTemporal, action: RetryWorkflow, refused: str
    ) -> ActionResult:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._settles_within.total_seconds()
        while True:
            try:
                async with connected(temporal, WITHIN) as client:
                    now = await _standing(client, action)
                if now.again or refused or loop.time() >= until:
                    return _effect(now.again, now.says if now.again else refused or now.says)
            except TemporalAway as away:
                if loop.time() >= until:
                    raise _final(f"asked to {action.says}, but then {away}", "OutcomeLost") from away
            await asyncio.sleep(0.25)


class _Standing(NamedTuple):
    """Whether the run has a successor, whether it may be tried again, and the sentence that says so."""

    again: bool
    may_act: bool
    says: str


async def _standing(client: Client, action: RetryWorkflow) -> _Standing:
    """What has become of the run. Raises `TemporalAway` by way of its client."""
    try:
        newest = await newest_run(client, action.workflow_id)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return _Standing(False, False, f"the application's Temporal knows no workflow {action.workflow_id}")
    info = newest.workflow_execution_info
    run_id, state = info.execution.run_id, state_in_words(info.status)
    if run_id != action.run_id:
        begun = f"{info.start_time.ToDatetime(tzinfo=UTC):%H:%M:%S} UTC"
        return _Standing(True, False, f"run {run_id} follows it since {begun}, and {state}")
    if newest.workflow_extended_info.reset_run_id:
        return _Standing(True, False, f"it was reset as run {newest.workflow_extended_info.reset_run_id}")
    if info.status not in FAILED:
        return _Standing(False, False, f"it has not failed: it {state}")
    return _Standing(False, True, f"it was not tried again: it {state}")


async def _reset(client: Client, request: Perform[RetryWorkflow], event: int) -> None:
    action = request.action
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=action.workflow_id, run_id=action.run_id),
            reason="tried again by the runbook",
            workflow_task_finish_event_id=event,
            request_id=_request_id(request),
            identity=IDENTITY,
        ),
        retry=False,
    )


async def _start_again(client: Client, request: Perform[RetryWorkflow]) -> None:
    """With everything that the failed run was started with; its input is copied as it is."""
    action = request.action
    asked = GetWorkflowExecutionHistoryRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=action.workflow_id, run_id=action.run_id),
        maximum_page_size=1,
    )
    history = await client.workflow_service.get_workflow_execution_history(asked)
    began = history.history.events[0].workflow_execution_started_event_attributes
    await client.workflow_service.start_workflow_execution(
        StartWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_id=action.workflow_id,
            workflow_type=began.workflow_type,
            task_queue=began.task_queue,
            input=began.input,
            workflow_execution_timeout=began.workflow_execution_timeout,
            workflow_run_timeout=began.workflow_run_timeout,
            workflow_task_timeout=began.workflow_task_timeout,
            retry_policy=began.retry_policy if began.HasField("retry_policy") else None,
            memo=began.memo,
            search_attributes=_own(began.search_attributes),
            header=began.header,
            identity=IDENTITY,
            request_id=_request_id(request),
            workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
        ),
        retry=False,
    )


def _request_id(request: Perform[RetryWorkflow]) -> str:
    """The same each time that one request is asked for."""
    action = request.action
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{action.workflow_id}/{action.run_id}/{request.asked_at}"))


def _own(attributes: SearchAttributes) -> SearchAttributes:
    """Without those that Temporal sets by itself, and takes from nobody."""
    kept = {
        name: value
        for name, value in attributes.indexed_fields.items()
        if not name.startswith(("Temporal", "BuildIds"))
    }
    return SearchAttributes(indexed_fields=kept)


def _final(message: str, kind: str) -> ApplicationError:
    return ApplicationError(message, type=kind, non_retryable=True)


def _effect(done: bool, found: str) -> ActionResult:
    return ActionResult(done=done, found=clean(found), at=datetime.now(UTC))
