"""Asks Temporal what incidents say of themselves. It only reads: no history grows by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)

from activities.incidents.probing import going_on
from models.incident.incident import IncidentState
from models.incident.review import Review
from models.messages import BEGAN_IN
from runtime.connection import PATIENCE
from runtime.errors import NobodyAnswers, NoSuchIncident, in_time
from runtime.incidents import ENDS_OF_INCIDENTS, IncidentLine, Incidents, line_of
from runtime.past.reviews import written_review
from runtime.store.facts import Fact, Told, Topic, ending, facts_of, merged, status_of
from runtime.store.store import Growth, Known

LISTED_WITHIN = timedelta(seconds=60)
GIVES_UP_AFTER = timedelta(hours=1)
"""So long after the first try is a closed run asked again that nobody answers for; then what Temporal lists
of it is stored."""
MOST_EARLIER = 50
"""Earlier runs of one incident that are asked."""
FORGOTTEN = "unknown: Temporal has forgotten it"


class Collector:
    """Reads incidents for the store."""

    def __init__(self, client: Client, gives_up_after: timedelta = GIVES_UP_AFTER) -> None:
        self._client = client
        self._incidents = Incidents(client)
        self._gives_up_after = gives_up_after
        self._unanswered: dict[str, datetime] = {}
        """When each run was asked first, of those that nobody has answered for."""

    async def listed(self, since: datetime | None) -> Mapping[str, IncidentLine]:
        """What is open, and what closed since then, by the run in which it began. Raises TemporalAway."""
        closed = f"OR CloseTime >= '{since.astimezone(UTC).isoformat()}'" if since else ""
        which = f"(ExecutionStatus = 'Running' {closed})" if since else "StartTime IS NOT NULL"
        query = f"AlertName IS NOT NULL AND {ENDS_OF_INCIDENTS} AND {which}"
        async with in_time(LISTED_WITHIN):
            found = self._client.list_workflows(query, rpc_timeout=PATIENCE)
            return {await _began_in(one): line_of(one) async for one in found}

    async def growth(self, began_in: str, line: IncidentLine, known: Known | None) -> Growth | None:
        """What is to be stored; None where nothing happened, or nobody answers now. Raises TemporalAway."""
        try:
            return await (self._of_open if line.open else self._of_closed)(began_in, line, known)
        except NoSuchIncident:
            return self.forgotten(began_in, line)

    async def missing(self, began_in: str, known: Known) -> Growth | None:
        """Of one that is open in the store, and that Temporal did not list. Raises TemporalAway."""
        try:
            async with in_time(PATIENCE, known.id):
                handle = self._client.get_workflow_handle(known.id, run_id=known.last_run)
                seen = await handle.describe(rpc_timeout=PATIENCE)
        except NoSuchIncident:
            line = IncidentLine.model_validate({
                **dict.fromkeys(("runbook", "alert", "service", "severity", "phase"), ""),
                "id": known.id, "run_id": known.last_run, "open": False, "started_at": datetime.now(UTC),
            })  # fmt: skip
            return self.forgotten(began_in, line)
        if seen.status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.CONTINUED_AS_NEW):
            return None  # the list is a moment old
        return await self.growth(began_in, line_of(seen), known)

    def forgotten(self, began_in: str, line: IncidentLine) -> Growth:
        """Of what was stored before only the end is new."""
        return Growth(began_in, line, [*facts_of(line, None), *ending(line, None, FORGOTTEN)], 0)

    async def _of_open(self, began_in: str, line: IncidentLine, known: Known | None) -> Growth | None:
        handle = self._client.get_workflow_handle(line.id, run_id=line.run_id)
        async with in_time(PATIENCE, line.id):
            now = await handle.describe(rpc_timeout=PATIENCE)
            samples = await self._samples(now)
        is_same = known and known.last_run == line.run_id and known.seen == now.history_length
        if is_same and not samples:
            return None
        try:
            state = await self._incidents.state(line.id, line.run_id)
        except NobodyAnswers:
            return None
        facts = [*await self._earlier(began_in, line, known), [*facts_of(line, state), *samples]]
        return Growth(
            began_in,
            line,
            [*merged(facts), status_of(state, datetime.now(UTC), line.run_id)],
            now.history_length,
            known.seen if known else 0,
        )

    async def _of_closed(self, began_in: str, line: IncidentLine, known: Known | None) -> Growth | None:
        state, review = await self._last_state(line), await self._review(line)
        closed_at = line.closed_at or datetime.now(UTC)
        if state or review:
            self._unanswered.pop(line.run_id, None)
        elif not self._is_given_up(line.run_id):
            return None
        earlier = await self._earlier(began_in, line, known)
        facts = [*merged([*earlier, [*facts_of(line, state, review)]])]
        facts += [status_of(state, closed_at, line.run_id)] if state else []
        return Growth(began_in, line, [*facts, *ending(line, review)], 0)

    def _is_given_up(self, run_id: str) -> bool:
        now = datetime.now(UTC)
        return now - self._unanswered.setdefault(run_id, now) >= self._gives_up_after

    async def _last_state(self, line: IncidentLine) -> IncidentState | None:
        try:
            return await self._incidents.state(line.id, line.run_id)
        except (NobodyAnswers, NoSuchIncident, ValidationError):
            return None

    async def _review(self, line: IncidentLine) -> Review | None:
        handle = self._client.get_workflow_handle(line.id, run_id=line.run_id, result_type=Review)
        if line.ended == "completed":
            try:
                async with in_time(PATIENCE, line.id):
                    review: Review = await handle.result(follow_runs=False, rpc_timeout=PATIENCE)
                    return review
            except (WorkflowFailureError, ValidationError, RuntimeError, NobodyAnswers):
                return None
        try:
            return await written_review(self._client, line)
        except (NobodyAnswers, ValidationError):
            return None

    async def _earlier(
        self, began_in: str, line: IncidentLine, known: Known | None
    ) -> Sequence[Sequence[Fact]]:
        """What earlier runs say: each passes on the beginning and the end of its timeline."""
        if line.run_id == began_in or (known and known.last_run == line.run_id):
            return ()
        query = f"WorkflowId = '{line.id}' AND ExecutionStatus = 'ContinuedAsNew'"
        async with in_time(PATIENCE, line.id):
            listed = self._client.list_workflows(query, limit=MOST_EARLIER, rpc_timeout=PATIENCE)
            runs = [line_of(one) async for one in listed if await _began_in(one) == began_in]
        runs.sort(key=lambda one: one.started_at)
        states = [(run, await self._last_state(run)) for run in runs]
        return [
            [fact for fact in facts_of(run, state) if fact.told is Told.EACH]
            for run, state in states
            if state
        ]

    async def _samples(self, now: WorkflowExecutionDescription) -> Sequence[Fact]:
        """The newest probe of each verification that runs, by its heartbeat."""
        found = list[Fact]()
        for name, samples in await going_on(self._client, now):
            if samples.sampled_at is None:
                continue
            body = {
                "at": samples.sampled_at.isoformat(),
                "finding": samples.last.finding.value,
                "reason": samples.last.reason,
                "probe": name,
            }
            found.append(Fact(samples.sampled_at, Topic.SAMPLE, body))
        return found


async def _began_in(execution: WorkflowExecution) -> str:
    return str(await execution.memo_value(BEGAN_IN, execution.run_id))


async def retention(client: Client) -> timedelta | None:
    """How long Temporal keeps what closed; None where it does not say."""
    async with in_time(PATIENCE):
        asked = DescribeNamespaceRequest(namespace=client.namespace)
        found = await client.workflow_service.describe_namespace(asked, timeout=PATIENCE)
        kept = found.config.workflow_execution_retention_ttl.ToTimedelta()
    return kept or None
