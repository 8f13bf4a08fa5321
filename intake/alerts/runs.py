"""What is asked of Temporal about one incident: start it, tell it, is it still open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.client import (
    Client,
    WorkflowContinuedAsNewError,
    WorkflowExecutionDescription,
    WorkflowFailureError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from intake.alerts import words
from intake.alerts.routing import Routed
from models.incident.alert import Alert
from models.incident.alert_life import STILL_FIRES, Closed
from models.incident.search_attributes import of_alert
from models.messages import ALERT_CHANGED
from models.names import TASK_QUEUE
from models.text import plain
from runtime.connection import PATIENCE
from runtime.errors import TemporalAway, not_found
from runtime.run_info import described
from workflows.runbooks.classes import every_runbook

MOST_IN_ONE = 512 * 2**10
"""Bytes of the alerts that are told together. One alert has at most half of that."""


LONG_AGO = datetime.min.replace(tzinfo=UTC)
OPEN = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


class Runs:
    """The calls that the intake makes, each bounded in time. They raise RPCError."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._client = client

    async def start(self, routed: Routed) -> tuple[str, bool]:
        """The incident's open run, and whether it was started now: one call in either case."""
        try:
            return await self._started(routed, WorkflowIDReusePolicy.ALLOW_DUPLICATE), True
        except WorkflowAlreadyStartedError as error:
            return error.run_id or "", False

    async def begin(self, routed: Routed) -> str | None:
        """A new run of an incident that has none, not even a closed one; None when it has."""
        try:
            return await self._started(routed, WorkflowIDReusePolicy.REJECT_DUPLICATE)
        except WorkflowAlreadyStartedError:
            return None

    async def _started(self, routed: Routed, reuse: WorkflowIDReusePolicy) -> str:
        """A worker on the same client gets the run's first task with the answer."""
        alert, severity = routed.alert, routed.severity
        handle = await self._client().start_workflow(
            routed.runbook,
            alert,
            id=alert.incident_id,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=reuse,
            search_attributes=of_alert(alert, severity),
            static_summary=words.summary(alert, severity),
            static_details=words.details(alert, severity),
            request_eager_start=True,
            rpc_timeout=PATIENCE,
        )
        return handle.result_run_id or ""

    async def tell(self, incident: str, run: str | None, alerts: Sequence[Routed]) -> bool:
        """Tell this run, or whichever is open. False when it is not open."""
        handle = self._client().get_workflow_handle(incident, run_id=run)
        try:
            for some in _in_parts(alerts):
                await handle.signal(ALERT_CHANGED, args=some, rpc_timeout=PATIENCE)
        except RPCError as error:
            if not_found(error):
                return False
            raise
        return True

    async def known(self, incident: str, alerts: Sequence[Routed]) -> list[Routed]:
        """Those that the incident's last run knew before it closed, a short while ago.

        Raises TemporalAway where a workflow that is no runbook has the incident's ID.
        """
        now = datetime.now(UTC)
        handle = self._client().get_workflow_handle(incident)
        try:
            last = await handle.describe(rpc_timeout=PATIENCE)
            closed_at = last.close_time
            if closed_at is None:
                return _ours(last)
            if now - closed_at >= STILL_FIRES:
                return []
            run = self._client().get_workflow_handle(incident, run_id=last.run_id, result_type=Closed)
            closed = await run.result(follow_runs=False, rpc_timeout=PATIENCE)
        except (WorkflowFailureError, WorkflowContinuedAsNewError, ValueError):
            return []  # terminated, failed, or not of this release: it left no word
        except RPCError as error:
            if not_found(error):
                return []
            raise
        return [one for one in alerts if closed.knows(one.alert, closed_at, now)]

    async def ended(self, incident: str, run: str) -> datetime | None:
        """When this run closed; None while it is open."""
        try:
            found = await described(self._client(), incident, run)
        except RPCError as error:
            if not_found(error):
                return LONG_AGO
            raise
        if found.status == OPEN:
            return None
        return found.close_time.ToDatetime(UTC) if found.HasField("close_time") else LONG_AGO


def _ours(last: WorkflowExecutionDescription) -> list[Routed]:
    """An open run of ours is told. One of somebody else would take the alert, and nobody would hear of it."""
    if last.workflow_type not in {one.__name__ for one in every_runbook()}:
        taken = f"{plain(last.id)} is the ID of a workflow {plain(last.workflow_type)}, which is no runbook"
        raise TemporalAway(f"{taken}: end that one in Temporal, or the alert has no incident")
    return []


def _in_parts(alerts: Sequence[Routed]) -> Iterator[list[Alert]]:
    """As few parts as fit into a signal each, in order."""
    part: list[Alert] = []
    size = 0
    for one in alerts:
        if part and size + one.content.size > MOST_IN_ONE:
            yield part
            part, size = [], 0
        part.append(one.alert)
        size += one.content.size
    yield part
