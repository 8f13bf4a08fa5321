"""Incidents that are open for long, and questions that nobody answers, by Temporal's list of incidents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from temporalio import activity
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.base import Model, in_words, roughly
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.incident.incident import IncidentState, PendingApproval, Phase
from models.incident.search_attributes import ALERT_NAME, PHASE, SEVERITY
from models.messages import BEGAN_IN, STATE

WITHIN = timedelta(seconds=10)
ANSWER_WITHIN = timedelta(seconds=10)
"""For what a worker must answer: it may have to replay the incident first."""
ANSWERS_WITHIN = timedelta(seconds=20)
"""All of them: an incident that nobody asked by then did not tell."""
MOST = 500
"""So many open incidents are looked at; more are a matter of their own."""
AT_ONCE = 8
MOST_NAMED = 4
MOST_ROWS = 50


class LookAtIncidents(Model):
    """What counts as long, and where people look at an incident."""

    longer_than: timedelta
    temporal_ui: str = ""


@dataclass(frozen=True)
class _Open:
    """An incident, and since when it is open: it may go on in a later run."""

    id: str
    since: datetime
    severity: str
    phase: str


@dataclass(frozen=True)
class _Asked:
    """A question of an incident, and whom it was put to last."""

    incident: _Open
    question: PendingApproval
    role: str


class _NotListed(Exception):
    """Temporal cannot tell. The text is one sentence."""


class AgedIncidentActivities:
    """Lists incidents through the worker's client. A list may lag some seconds behind."""

    def __init__(self, client: Client, answer_within: timedelta = ANSWER_WITHIN) -> None:
        self._client = client
        self._answer_within = answer_within

    @activity.defn
    async def look_at_long_open(self, request: LookAtIncidents) -> ItemResult:
        """`attention` when an incident is open for longer."""
        now = datetime.now(UTC)
        try:
            every = await self._open("")
            old = [one for one in every if now - one.since > request.longer_than]
        except _NotListed as error:
            return ItemResult(reason=str(error), observed_at=now)
        old.sort(key=lambda one: one.since)
        limit = in_words(request.longer_than)
        if old:
            named = _several([f"{one.id} ({one.phase}, for {roughly(now - one.since)})" for one in old])
            reason = f"{len(old)} of {len(every)} open incidents are open for longer than {limit}: {named}"
        elif every:
            reason = f"none of {len(every)} open incidents is open for longer than {limit}"
        else:
            reason = "no incident is open"
        return ItemResult(
            state=ItemState.ATTENTION if old else ItemState.OK,
            reason=reason,
            threshold=f"none for longer than {limit}",
            link=self._link(request, old[0].id) if old else "",
            observed_at=now,
            details=_too_many(every),
            figures=(
                Figure(name="open incidents", value=len(every)),
                Figure(name="open for long", value=len(old)),
            ),
            tables=_incidents(old, now),
        )

    @activity.defn
    async def look_at_unanswered(self, request: LookAtIncidents) -> ItemResult:
        """`attention` when a question waits for longer: who was asked, what about, and how to answer."""
        now = datetime.now(UTC)
        try:
            waiting = await self._open(f" AND {PHASE.name} = '{Phase.AWAITING_APPROVAL.value}'")
        except _NotListed as error:
            return ItemResult(reason=str(error), observed_at=now)
        answers = await self._questions(waiting)
        silent = [one for one in answers if isinstance(one, _Open)]
        asked = [one for one in answers if isinstance(one, _Asked)]
        late = [one for one in asked if now - one.question.asked_at > request.longer_than]
        late.sort(key=lambda one: one.question.asked_at)
        limit = in_words(request.longer_than)
        said = [f"{one.incident.id}, asked {roughly(now - one.question.asked_at)} ago" for one in late]
        reason = f"{len(late) or 'none'} of {len(asked)} questions waits for longer than {limit}"
        reason = f"{reason}: {_several(said)}" if late else reason if asked else "no question waits"
        if silent:
            named = _several([one.id for one in silent])
            reason += f"; {len(silent)} incidents did not tell what they ask, for no worker answers: {named}"
        unclear = ItemState.UNKNOWN if silent else ItemState.OK
        return ItemResult(
            state=ItemState.ATTENTION if late else unclear,
            reason=reason,
            threshold=f"none for longer than {limit}",
            link=self._link(request, late[0].incident.id) if late else "",
            observed_at=now,
            details=(*(_how_to_answer(one) for one in late), *_too_many(waiting)),
            figures=(Figure(name="unanswered questions", value=len(late)),),
        )

    async def _questions(self, waiting: list[_Open]) -> list[_Asked | _Open | None]:
        """What each asks; itself when nobody can say in time; None when it asks nothing any more."""
        slots, until = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop().time()
        until += ANSWERS_WITHIN.total_seconds()

        async def in_time(one: _Open) -> _Asked | _Open | None:
            try:
                async with asyncio.timeout_at(until), slots:
                    return await self._question(one)
            except (TimeoutError, RPCError, RuntimeError):  # no worker, or it replays for too long
                return one

        async with beating():
            return await asyncio.gather(*(in_time(one) for one in waiting))

    async def _question(self, incident: _Open) -> _Asked | None:
        state: IncidentState = await self._client.get_workflow_handle(incident.id).query(
            STATE, result_type=IncidentState, rpc_timeout=self._answer_within
        )
        if state.awaiting is None:
            return None
        return _Asked(incident=incident, question=state.awaiting, role=state.rung)

    async def _open(self, further: str) -> list[_Open]:
        """The open incidents. Raises `_NotListed`."""
        query = f"{ALERT_NAME.name} IS NOT NULL AND ExecutionStatus = 'Running'{further}"
        try:
            async with beating(), asyncio.timeout(WITHIN.total_seconds()):
                return [one async for one in self._listed(query)]
        except TimeoutError:
            raise _NotListed(f"Temporal did not list the open incidents within {in_words(WITHIN)}") from None
        except (RPCError, RuntimeError) as error:  # the SDK connects with a RuntimeError
            why = clean(str(error), 160)
            raise _NotListed(f"Temporal cannot list the open incidents: {why}") from None

    async def _listed(self, query: str) -> AsyncIterator[_Open]:
        async for one in self._client.list_workflows(query, limit=MOST):
            attributes = one.typed_search_attributes
            yield _Open(
                id=one.id,
                since=await self._began_at(one),
                severity=attributes.get(SEVERITY) or "",
                phase=attributes.get(PHASE) or "",
            )

    async def _began_at(self, run: WorkflowExecution) -> datetime:
        """An incident that goes on in a new run began with its first, as long as that is kept."""
        began_in = await run.memo_value(BEGAN_IN, run.run_id, type_hint=str)
        if began_in == run.run_id:
            return run.start_time
        try:
            first = await self._client.get_workflow_handle(run.id, run_id=began_in).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return run.start_time
            raise
        return first.start_time

    def _link(self, request: LookAtIncidents, incident: str) -> str:
        if not request.temporal_ui:
            return ""
        place = f"namespaces/{self._client.namespace}/workflows/{quote(incident, safe='')}"
        return f"{request.temporal_ui.rstrip('/')}/{place}"


def _several(said: list[str]) -> str:
    more = f" and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
    return f"{', '.join(said[:MOST_NAMED])}{more}"


def _too_many(listed: list[_Open]) -> tuple[str, ...]:
    return (f"only {MOST} open incidents were looked at",) if len(listed) >= MOST else ()


def _how_to_answer(asked: _Asked) -> str:
    """The plan, whom it was put to, and the command that answers."""
    question, incident = asked.question, asked.incident.id
    plan = "; ".join(step.says for step in question.plan.steps) or "do nothing"
    who = f"asked: {asked.role}" if asked.role else "nobody was asked by name"
    others = f", or one of {len(question.others)} others" if question.others else ""
    return (
        f"{incident} asks to {plan}{others} ({who}; expires {question.expires_at:%Y-%m-%d %H:%M} UTC):"
        f" python starter.py approve {incident} --plan {question.digest}, or deny {incident}"
    )


def _incidents(old: list[_Open], now: datetime) -> tuple[Table, ...]:
    rows = tuple((one.id, one.severity, one.phase, roughly(now - one.since)) for one in old[:MOST_ROWS])
    table = Table(title="Open for long", columns=("incident", "severity", "phase", "for"), rows=rows)
    return (table,) if rows else ()
