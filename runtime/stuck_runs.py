"""Open runs that cannot go on: each of their workflow tasks fails, so nobody hears of them by themselves.

A mistake in code that no run can catch does this, and so does code that does not replay the runs
which are open. Temporal tries such a task again for ever and marks the run; the worker looks for the
mark, and fires an alert of the product's own, about the service of the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client, WorkflowExecution
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from models.base import Model
from models.configuration.configuration import Configuration
from models.examined import Check, Kind
from models.incident.alert import Alert, AlertStatus
from models.incident.search_attributes import ALERT_NAME, FAULT, SERVICE, of_alert
from models.messages import ALERT_CHANGED
from models.names import CHECK, TASK_QUEUE, WORKFLOW_STUCK
from runtime.connection import PATIENCE
from runtime.errors import Trouble, in_time

EVERY = timedelta(seconds=30)
MARKED_WITHIN = timedelta(minutes=3)
"""By then Temporal has marked a run whose tasks fail."""
MOST = 100
_OPEN = f"ExecutionStatus = 'Running' AND TaskQueue = '{TASK_QUEUE}'"
_PROBLEMS = "('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')"
_FAILS = f"{_OPEN} AND TemporalReportedProblems IN {_PROBLEMS}"
_MISTAKEN = f"{_OPEN} AND {FAULT.name} IS NOT NULL"

logger = structlog.get_logger(__name__)


class OpenRun(Model):
    """A run with its service, as far as it has one."""

    id: str
    run_id: str
    service: str

    @property
    def is_alarm(self) -> bool:
        return self.id.startswith(f"{WORKFLOW_STUCK}/")


async def stuck_runs(client: Client) -> tuple[OpenRun, ...]:
    """The open runs whose workflow tasks fail again and again."""
    return await _listed(client, _FAILS)


async def check_runs(client: Client, *, named: bool) -> Check:
    """Whether every open run goes on as it should. Incidents are named for who may know of them."""
    name = "open runs"
    try:
        async with in_time(PATIENCE):
            stuck, mistaken = await stuck_runs(client), await _listed(client, _MISTAKEN)
    except Trouble as trouble:
        return Check(name=name, ok=False, problem=str(trouble), cure="see Temporal above", optional=True)
    told = [
        f"{_named(runs) if named else len(runs)} {what}"
        for runs, what in (
            (stuck, "cannot go on, for the workflow task fails"),
            (mistaken, "met a mistake in the product's own code, and a person goes on"),
        )
        if runs
    ]
    cure = "the worker's log has the traceback; deploy a worker with the bug fixed" if told else ""
    return Check(
        name=name, ok=not told, problem="; ".join(told), cure=cure, kind=Kind.TROUBLE, optional=not named
    )


class StuckWatch:
    """Looks for runs that cannot go on beside the work of a worker, and calls a person."""

    def __init__(self, client: Client, foretold: Sequence[OpenRun] = (), every: timedelta = EVERY) -> None:
        """`foretold`: those that cannot go on with the code of this worker, before Temporal marks them."""
        self._client = client
        self._every = every
        self._foretold = {one.run_id: one for one in foretold}
        self._marked_by = time.monotonic() + MARKED_WITHIN.total_seconds()
        self._told: set[str] = set()

    async def run(self, configuration: Callable[[], Configuration]) -> None:
        """Look for ever; what goes wrong is logged, and looked for again later."""
        while True:
            try:
                await self.look(configuration())
            except RPCError as error:
                logger.warning("runs that cannot go on could not be looked for", why=error.message)
            except Exception:
                logger.exception("runs that cannot go on could not be looked for")
            await asyncio.sleep(self._every.total_seconds())

    async def look(self, configuration: Configuration) -> None:
        """One look: what is new is told, and what goes on again is over."""
        found = {one.run_id: one for one in await stuck_runs(self._client)}
        if time.monotonic() < self._marked_by:
            found = self._foretold | found
        stuck = [one for one in found.values() if not one.is_alarm]
        for one in stuck:
            if one.run_id not in self._told:
                logger.error("a run cannot go on: its workflow task fails", run=one.id, run_id=one.run_id)
                await self._fire(one, configuration)
                self._told.add(one.run_id)
        fire = {one.service for one in stuck}
        for alarm in await _listed(self._client, f"{_OPEN} AND {ALERT_NAME.name} = '{WORKFLOW_STUCK}'"):
            if alarm.service not in fire:
                await self._over(alarm)

    async def _fire(self, stuck: OpenRun, configuration: Configuration) -> None:
        alert = _alert(stuck.service).model_copy(
            update={
                "annotations": {
                    "summary": f"{stuck.id} cannot go on",
                    "description": f"each workflow task of its run {stuck.run_id} fails, so it pages nobody",
                }
            }
        )
        severity = configuration.severity_for(alert.name, alert.labels)
        await self._client.start_workflow(
            configuration.runbook_for(alert.name),
            alert,
            id=alert.incident_id,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=of_alert(alert, severity),
            static_summary=f"{stuck.id} cannot go on",
            rpc_timeout=PATIENCE,
        )

    async def _over(self, alarm: OpenRun) -> None:
        over = _alert(alarm.service).model_copy(update={"status": AlertStatus.RESOLVED})
        try:
            await self._client.get_workflow_handle(alarm.id, run_id=alarm.run_id).signal(
                ALERT_CHANGED, over, rpc_timeout=PATIENCE
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def _alert(service: str) -> Alert:
    return Alert(
        name=WORKFLOW_STUCK,
        service=service,
        starts_at=datetime.now(UTC),
        labels={"alertname": WORKFLOW_STUCK, "service": service, "severity": "critical"},
        source="worker",
    )


async def _listed(client: Client, query: str) -> tuple[OpenRun, ...]:
    found = client.list_workflows(query, limit=MOST, rpc_timeout=PATIENCE)
    return tuple([open_run(one) async for one in found])


def open_run(execution: WorkflowExecution) -> OpenRun:
    """With its service, or what stands for it."""
    service = execution.typed_search_attributes.get(SERVICE) or _stands_for(execution.id)
    return OpenRun(id=execution.id, run_id=execution.run_id, service=service)


def _stands_for(workflow_id: str) -> str:
    """A steward is named after its service; the control room and the checks stand for themselves.

    The run of a check's schedule has its time behind the name: `check/daily-2026-11-26T09:00:00Z`.
    """
    kind, _, name = workflow_id.rpartition("/")
    return f"{CHECK}-{name.partition('-')[0]}" if kind == CHECK else name


def _named(runs: tuple[OpenRun, ...]) -> str:
    return ", ".join(one.id for one in runs)
