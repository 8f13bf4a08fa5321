"""Starts the incident of what a check found, as `starter.py fire` would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from models.checks.item import StartedRunbook, StartRunbook
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.incident.search_attributes import of_alert
from models.names import TASK_QUEUE
from models.text import shorten

WITHIN = timedelta(seconds=5)
STARTED_FOR = "started_for"
"""In the memo: what it was started for, so that asking again starts no second one."""


class StartIncidentActivities:
    """Starts incidents through the worker's client."""

    def __init__(self, client: Client, configuration: Callable[[], Configuration]) -> None:
        self._client = client
        self._configuration = configuration

    @activity.defn
    async def start_incident(self, request: StartRunbook) -> StartedRunbook:
        """Start it, unless it is open already, or was started for this before. Raises RPCError."""
        configuration = self._configuration()
        alert = _alert(request)
        if request.service not in configuration.services:
            why = f"the configuration has no service {request.service!r} any more"
            return StartedRunbook(incident=alert.incident_id, why_not=why)
        if known := await self._known(alert.incident_id, request.key):
            return known
        try:
            await self._client.start_workflow(
                configuration.runbook_for(alert.name),
                alert,
                id=alert.incident_id,
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=of_alert(alert, configuration.severity_for(alert.name, alert.labels)),
                static_summary=f"{alert.name} of {alert.service}, found by {request.by}",
                memo={STARTED_FOR: request.key},
                rpc_timeout=WITHIN,
            )
        except WorkflowAlreadyStartedError:  # somebody else was faster by a moment
            return StartedRunbook(incident=alert.incident_id, open_already=True)
        return StartedRunbook(incident=alert.incident_id, started=True)

    async def _known(self, incident: str, key: str) -> StartedRunbook | None:
        """The newest run of its name, if that is open, or was started for the same."""
        try:
            newest = await self._client.get_workflow_handle(incident).describe(rpc_timeout=WITHIN)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        if await _started_for(newest) == key:
            return StartedRunbook(incident=incident, started=True)
        if newest.status is WorkflowExecutionStatus.RUNNING:
            return StartedRunbook(incident=incident, open_already=True)
        return None


async def _started_for(run: WorkflowExecutionDescription) -> str:
    return str(await run.memo_value(STARTED_FOR, ""))


def _alert(request: StartRunbook) -> Alert:
    labels = {"alertname": request.alert, "service": request.service}
    return Alert(
        name=request.alert,
        service=request.service,
        starts_at=datetime.now(UTC),
        labels=labels,
        annotations={"summary": shorten(request.because, 400)},
        source="check",
        fired_by=request.by,
    )
