"""Queries incidents and sends them messages, through Temporal's client.

The intake and the commands both use it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowUpdateFailedError,
)
from temporalio.common import SearchAttributeKey
from temporalio.converter import decode_typed_search_attributes
from temporalio.exceptions import ApplicationError

from activities.incidents.control_room import read_control_room
from activities.incidents.probing import going_on
from activities.support.secrets import SecretMissing
from models.base import Model
from models.evidence.evidence import Probes
from models.incident import search_attributes
from models.incident.incident import Decided, Decision, IncidentState, Phase, Spoken
from models.incident.search_attributes import ALERT_NAME, CAUSE, OUTCOME, PHASE, SERVICE, SEVERITY
from models.incident.stewardship import ControlRoomState
from models.messages import DECIDE, LINK_USED, PROPOSE, STATE, USE_LINK
from models.names import CONTROL_ROOM_ID, DRY_RUN, RESERVED, AlertName, ServiceName, incident_id
from models.people.link import SignedLink
from models.proposals.proposal import TAKEN_BEFORE, Proposal, Proposed
from runtime.connection import PATIENCE
from runtime.errors import NoKey, NoSuchIncident, Rejected, in_time, sent_in_time
from runtime.people.signing import Signer
from runtime.run_info import Current, current_of

ANSWER_WITHIN = 2 * PATIENCE
"""For what a worker must answer: it may have to replay the incident first."""

ENDS_OF_INCIDENTS = f"(ExecutionStatus != 'ContinuedAsNew' OR {PHASE.name} = '{Phase.CLOSED}')"
"""A run that goes on in a new run is no end of its incident, unless that closed and the alert fired again."""

_ALERT: TypeAdapter[str] = TypeAdapter(AlertName)
_SERVICE: TypeAdapter[str] = TypeAdapter(ServiceName)
S = TypeVar("S", bound=Spoken)

logger = structlog.get_logger(__name__)


class IncidentLine(Model):
    """One incident in a list, from Temporal's search attributes, without a worker."""

    id: str
    run_id: str
    runbook: str
    alert: str
    service: str
    severity: str
    phase: str
    cause: str = ""
    """Known once it is closed."""
    outcome: str = ""
    open: bool
    ended: str = ""
    """How Temporal saw the run end: `completed`, `failed`, `terminated`; empty while it is open."""
    started_at: datetime
    closed_at: datetime | None = None
    dry_run: bool = False
    """Whether what would be done is recorded, and not done."""


class Which(Model):
    """Which incidents to list: all of them, unless something is named."""

    open: bool = False
    closed: bool = False
    since: datetime | None = None
    """Those that are open, or ended since then."""
    service: str = ""
    cause: str = ""

    @property
    def query(self) -> str:
        """As Temporal's visibility reads it."""
        parts = [f"{ALERT_NAME.name} IS NOT NULL", ENDS_OF_INCIDENTS]
        parts += ["ExecutionStatus = 'Running'"] if self.open else []
        parts += ["ExecutionStatus != 'Running'"] if self.closed else []
        if self.since:
            since = self.since.astimezone(UTC).isoformat()
            parts.append(f"(ExecutionStatus = 'Running' OR CloseTime >= '{since}')")
        parts += [f"{SERVICE.name} = {_quoted(self.service)}"] if self.service else []
        parts += [f"{CAUSE.name} = {_quoted(self.cause)}"] if self.cause else []
        return " AND ".join(parts)


def _quoted(text: str) -> str:
    doubled = text.replace("\\", "\\\\").replace("'", "''")  # the server's parser knows both escapes
    return f"'{doubled}'"


def parse_id(text: str) -> str:
    """`ALERT/SERVICE`, or the same with `@dry-run`, checked. Raises NoSuchIncident for an invalid ID."""
    alert, _, rest = text.partition("/")
    service = rest.removesuffix(DRY_RUN)
    try:
        checked = incident_id(
            _ALERT.validate_python(alert), _SERVICE.validate_python(service), dry_run=service != rest
        )
    except ValidationError:
        raise NoSuchIncident("an incident is named ALERT/SERVICE, as in ServiceDown/backend") from None
    if alert in RESERVED:
        raise NoSuchIncident(f"{checked} is not an incident")
    return checked


class Incidents:
    """The open and closed incidents: list, query, message."""

    def __init__(self, client: Client, signer: Signer | None = None) -> None:
        self._client = client
        self._signer = signer
        """Without one, every message is raw."""

    async def list(self, most: int = 100, which: Which | None = None) -> tuple[IncidentLine, ...]:
        """Open incidents, then the ones that closed last. Raises TemporalAway."""
        async with in_time(ANSWER_WITHIN):
            found = self._client.list_workflows((which or Which()).query, limit=most, rpc_timeout=PATIENCE)
            lines = [line_of(execution) async for execution in found]
        return tuple(sorted(lines, key=lambda line: (not line.open, -_last_seen(line).timestamp())))

    async def all_open(self, alert: str | None) -> tuple[IncidentLine, ...]:
        """Every open incident of one alert's name, or of all names. Raises TemporalAway."""
        which = f"{ALERT_NAME.name} = '{alert}'" if alert else f"{ALERT_NAME.name} IS NOT NULL"
        async with in_time(ANSWER_WITHIN):
            found = self._client.list_workflows(
                f"{which} AND ExecutionStatus = 'Running'", rpc_timeout=PATIENCE
            )
            return tuple([line_of(execution) async for execution in found])

    async def state(self, incident: str, run_id: str | None = None) -> IncidentState:
        """The state of the incident; of the last run, if none is named and none is open.

        Raises NoSuchIncident, NobodyAnswers or TemporalAway.
        """
        async with in_time(ANSWER_WITHIN, incident):
            state: IncidentState = await self._client.get_workflow_handle(incident, run_id=run_id).query(
                STATE, result_type=IncidentState, rpc_timeout=ANSWER_WITHIN
            )
            return state

    async def probes(self, incident: str) -> Probes:
        """The samples of the verification that goes on, the newest where there are several; none elsewhere.

        Raises NoSuchIncident and TemporalAway.
        """
        async with in_time(PATIENCE, incident):
            now = await self._client.get_workflow_handle(incident).describe(rpc_timeout=PATIENCE)
            verifications = await going_on(self._client, now)
        return max((one.probes for _, one in verifications), key=_began, default=Probes())

    async def decide(self, incident: str, decision: Decision, nonce: str = "", run: str = "") -> Decided:
        """Approve or deny a plan, of the firing that began in this run, where one is named. Raises Rejected
        when the decision is invalid or of another firing, NoKey without a key to sign with, and as `state`
        does; what was sent and is not answered `may_count`."""
        decision = await self._signed(incident, decision.verdict, decision, nonce, run)
        async with sent_in_time(ANSWER_WITHIN + timedelta(seconds=5), incident):
            decided: Decided = await self._client.get_workflow_handle(incident).execute_update(
                DECIDE, decision, result_type=Decided, rpc_timeout=ANSWER_WITHIN
            )
            return decided

    async def tell(self, incident: str, message: str, spoken: Spoken, nonce: str = "", run: str = "") -> None:
        """Send `acknowledge`, `note` or `done`. Durable once this returns. Raises as `decide` does."""
        spoken = await self._signed(incident, message, spoken, nonce, run)
        async with sent_in_time(PATIENCE, incident):
            await self._client.get_workflow_handle(incident).signal(message, spoken, rpc_timeout=PATIENCE)

    async def propose(self, incident: str, proposal: Proposal, run: str = "") -> Proposed:
        """Propose a plan; the answer of then for what was proposed before. Raises as `decide` does."""
        proposal = await self._signed(incident, PROPOSE, proposal, "", run)
        async with sent_in_time(ANSWER_WITHIN + timedelta(seconds=5), incident):
            try:
                proposed: Proposed = await self._client.get_workflow_handle(incident).execute_update(
                    PROPOSE, proposal, result_type=Proposed, rpc_timeout=ANSWER_WITHIN
                )
            except WorkflowUpdateFailedError as error:
                why = error.__cause__
                if isinstance(why, ApplicationError) and why.type == TAKEN_BEFORE:
                    return Proposed.model_validate(why.details[0])
                raise
            return proposed

    async def use_link(self, incident: str, link: SignedLink) -> Decided:
        """Use up a link of a message; of several who try, one is accepted. Raises as `decide` does."""
        async with sent_in_time(ANSWER_WITHIN + timedelta(seconds=5), incident):
            used: Decided = await self._client.get_workflow_handle(incident).execute_update(
                USE_LINK, link, result_type=Decided, rpc_timeout=ANSWER_WITHIN
            )
            return used

    async def link_used(self, incident: str, nonce: str) -> bool:
        """Whether the link with this nonce was used already. Raises as `state` does."""
        async with in_time(ANSWER_WITHIN, incident):
            used: bool = await self._client.get_workflow_handle(incident).query(
                LINK_USED, nonce, result_type=bool, rpc_timeout=ANSWER_WITHIN
            )
            return used

    async def current(self, incident: str) -> Current:
        """Its newest run. Raises NoSuchIncident and TemporalAway."""
        return await current_of(self._client, incident)

    async def _signed(self, incident: str, message: str, words: S, nonce: str, run: str) -> S:
        """Under a signature for this incident, which is known by the run in which it began. Without a key
        it stays raw, where the configuration asks nothing of who says it. Raises NoKey elsewhere,
        and Rejected where it began in another run than the one that is named."""
        if self._signer is None and not run:
            return words
        began = (await self.current(incident)).began_in
        if run and began != run:
            raise Rejected(f"{incident} fired again meanwhile: this is of the one before, which is closed")
        if self._signer is None:
            return words
        try:
            return await asyncio.to_thread(self._signer.signed, words, message, incident, began, nonce)
        except SecretMissing as error:
            if self._signer.raw_will_do:
                logger.warning(
                    "there is no key to sign it with, so it is raw", said=message, reason=str(error)
                )
                return words
            raise NoKey(f"there is no key to sign it with: {error}; see approvals.keys") from error


async def control_room(client: Client) -> ControlRoomState:
    """What is suspended or in maintenance; needs no worker. Raises NobodyAnswers and TemporalAway."""
    async with in_time(3 * PATIENCE, CONTROL_ROOM_ID):
        return await read_control_room(client)


def line_of(execution: WorkflowExecution) -> IncidentLine:
    return line_of_info(execution.raw_info)


def line_of_info(info: WorkflowExecutionInfo) -> IncidentLine:
    """As Temporal's service sends it."""
    attributes = decode_typed_search_attributes(info.search_attributes)

    def attribute(key: SearchAttributeKey[str]) -> str:
        return attributes.get(key) or ""

    status = WorkflowExecutionStatus(info.status) if info.status else None
    is_open = status is WorkflowExecutionStatus.RUNNING
    return IncidentLine(
        id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        runbook=info.type.name,
        alert=attribute(ALERT_NAME),
        service=attribute(SERVICE),
        severity=attribute(SEVERITY),
        phase=attribute(PHASE),
        cause=attribute(CAUSE),
        outcome=attribute(OUTCOME),
        open=is_open,
        ended="" if is_open or status is None else status.name.lower(),
        started_at=info.start_time.ToDatetime(UTC),
        closed_at=info.close_time.ToDatetime(UTC) if info.HasField("close_time") else None,
        dry_run=bool(attribute(search_attributes.DRY_RUN)),
    )


def _began(probes: Probes) -> float:
    return probes.began_at.timestamp() if probes.began_at else 0.0


def _last_seen(line: IncidentLine) -> datetime:
    return line.closed_at or line.started_at
