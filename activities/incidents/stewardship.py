"""Activities that reach other workflows: the steward, the control room, other incidents.

Workflow code can neither send an update nor query another run; these activities do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar

from temporalio import activity
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.incidents.control_room import read_control_room
from models.base import Model, in_number
from models.evidence.deployment import Deployment
from models.evidence.evidence import Evidence, Finding
from models.incident.incident import IncidentState, Outcome, Phase
from models.incident.joining import Ended, EndOf, Join, Joined, Standing
from models.incident.review import Review
from models.incident.search_attributes import of_alert
from models.incident.stewardship import (
    Answered,
    Ask,
    ControlRoomState,
    Hold,
    Release,
    Remembered,
    StewardState,
)
from models.messages import ASK, BEGAN_IN, INCIDENT_WAITS, RELEASE, STATE
from models.names import STEWARD, TASK_QUEUE, steward_id
from models.service.service import Service
from models.version import Version

RPC_TIMEOUT = timedelta(seconds=5)

S = TypeVar("S", bound=Model)


class HistorySeen(Evidence):
    """What the steward recorded of a service, newest first."""

    deployments: tuple[Deployment, ...] = ()
    crashes: tuple[datetime, ...] = ()
    recent: tuple[str, ...] = ()
    """The plans carried out lately by any incident, one sentence each."""
    performed: tuple[Remembered, ...] = ()
    """All that the steward remembers: what was done often must be counted."""

    @classmethod
    def of(cls, state: StewardState, now: datetime) -> Self:
        newest = state.performed[::-1]
        deployments = in_number(len(state.deployments), "deployment")
        crashes = "1 crash" if len(state.crashes) == 1 else f"{len(state.crashes)} crashes"
        if state.crashes:
            crashes += f", the newest at {max(state.crashes).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return cls(
            finding=Finding.OK,
            reason=f"recorded before: {deployments}, {crashes}{_not_taken(state)}",
            observed_at=now,
            deployments=tuple(sorted(state.deployments, key=lambda d: d.deployed_at, reverse=True)),
            crashes=state.crashes,
            recent=tuple(f"{p.finished_at:%Y-%m-%d %H:%M} UTC: {p.says}: {p.found}" for p in newest[:5]),
            performed=newest,
        )

    def did_since(self, essence: str, since: datetime) -> tuple[Remembered, ...]:
        """Each time that this was carried out, not before this moment."""
        did = (one for one in self.performed if one.done and one.essence == essence)
        return tuple(one for one in did if one.started_at >= since)

    @property
    def current(self) -> Deployment | None:
        return next((one for one in self.deployments if one.current), None)

    def runs(self, version: Version) -> bool:
        """Whether this is the version that it knows to run."""
        return self.current is not None and self.current.is_version(version)

    @property
    def last_healthy(self) -> Deployment | None:
        """The newest version, other than the running one, that was seen healthy and never rolled back."""
        return next((d for d in self.deployments if d.healthy_at and not d.current and not d.left_at), None)


class StewardshipActivities:
    """Reaches stewards, the control room and incidents through the worker's client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def ask_steward(self, ask: Ask) -> Answered:
        """Ask for a hold by update-with-start; the key makes a retry the same question."""
        start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
            STEWARD,
            StewardState(service=ask.service),
            id=steward_id(ask.service, dry_run=ask.dry_run),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=_who_writes(ask),
        )
        answered: Answered = await self._client.execute_update_with_start_workflow(
            ASK, ask, start_workflow_operation=start, id=ask.key, result_type=Answered
        )
        return answered

    @activity.defn
    async def release_service(self, release: Release) -> bool:
        """Signal the end of a hold; whether there is a steward to hear it. Raises `RPCError` otherwise."""
        steward = steward_id(release.service, dry_run=release.dry_run)
        try:
            await self._client.get_workflow_handle(steward).signal(
                RELEASE, release.released, rpc_timeout=RPC_TIMEOUT
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return True

    @activity.defn
    async def look_at_history(self, service: Service) -> HistorySeen:
        """What the steward recorded: deployments, crashes and recent plans."""
        now = datetime.now(UTC)
        try:
            state = await self._query(steward_id(service.name), STATE, StewardState)
        except RPCError as error:
            return HistorySeen(reason=f"the steward did not answer: {error.status.name}", observed_at=now)
        if state is None:
            return HistorySeen(
                finding=Finding.OK, reason="the steward has no record of this service yet", observed_at=now
            )
        return HistorySeen.of(state, now)

    @activity.defn
    async def read_control_room(self) -> ControlRoomState:
        """The kill switch and the windows as of now; nothing is on when nobody ever used it."""
        return await read_control_room(self._client)

    @activity.defn
    async def is_open(self, hold: Hold) -> bool:
        """Whether the incident that holds a service still runs; a terminated one holds nothing."""
        handle = self._client.get_workflow_handle(hold.incident)
        try:
            newest = await handle.describe(rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        running = newest.status is WorkflowExecutionStatus.RUNNING
        return running and await _began_in(newest) == hold.run_id

    @activity.defn
    async def join_incident(self, join: Join) -> Joined:
        """Join the open incident of this alert, or start it: never two runs on one fault."""
        alert = join.alert
        try:
            handle = await self._client.start_workflow(
                join.runbook,
                alert,
                id=alert.incident_id,
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                search_attributes=of_alert(alert, join.severity),
                static_summary=f"{alert.name} on {alert.service}, found by {alert.fired_by}",
            )
        except WorkflowAlreadyStartedError:
            seen = await self._client.get_workflow_handle(alert.incident_id).describe()
            began_in = await _began_in(seen)
            return await self._tell_who_waits(join, seen.run_id, began_in, was_open=True)
        run_id = handle.result_run_id or ""
        return await self._tell_who_waits(join, run_id, run_id, was_open=False)

    async def _tell_who_waits(self, join: Join, run_id: str, began_in: str, *, was_open: bool) -> Joined:
        """Signal the run; one that closed meanwhile is reported by `told`."""
        incident = join.alert.incident_id
        told = True
        try:
            await self._client.get_workflow_handle(incident, run_id=run_id).signal(
                INCIDENT_WAITS, join.waiting, rpc_timeout=RPC_TIMEOUT
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            told = False
        return Joined(incident=incident, run_id=began_in, was_open=was_open, told=told)

    @activity.defn
    async def look_at_incident(self, end: EndOf) -> Standing:
        """Whether another incident has ended, or needs a person; for when no signal told of it."""
        newest = await self._client.get_workflow_handle(end.incident).describe(rpc_timeout=RPC_TIMEOUT)
        same = await _began_in(newest) == end.run_id
        handle: WorkflowHandle[object, Review] = self._client.get_workflow_handle(
            end.incident, run_id=newest.run_id if same else end.run_id, result_type=Review
        )
        status = newest.status if same else (await handle.describe(rpc_timeout=RPC_TIMEOUT)).status
        if status is WorkflowExecutionStatus.RUNNING:
            state: IncidentState = await handle.query(
                STATE, result_type=IncidentState, rpc_timeout=RPC_TIMEOUT
            )
            needs_a_person = state.phase is Phase.ESCALATED
            return Standing(ended=_ended(end, None, "escalated", escalated=True) if needs_a_person else None)
        if status is not WorkflowExecutionStatus.COMPLETED:
            name = status.name.lower().replace("_", " ") if status else "gone"
            return Standing(ended=_ended(end, None, f"it was {name}"))
        review = await handle.result(rpc_timeout=RPC_TIMEOUT)
        return Standing(ended=_ended(end, review.outcome, review.summary))

    async def _query(self, workflow_id: str, query: str, shape: type[S]) -> S | None:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            found: S = await handle.query(query, result_type=shape, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        return found


def _who_writes(ask: Ask) -> str:
    if ask.dry_run:
        return f"the dry runs on {ask.service}: it records what would be done, and does nothing"
    return f"the one writer of {ask.service}"


def _not_taken(state: StewardState) -> str:
    return "".join(f"; {one.line}" for one in state.not_taken[-1:])


async def _began_in(seen: WorkflowExecutionDescription) -> str:
    began_in: str = await seen.memo_value(BEGAN_IN, seen.run_id, type_hint=str)
    return began_in


def _ended(end: EndOf, outcome: Outcome | None, summary: str, *, escalated: bool = False) -> Ended:
    return Ended(
        incident=end.incident, run_id=end.run_id, outcome=outcome, summary=summary, escalated=escalated
    )
