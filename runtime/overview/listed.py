"""What is open, and what closed a moment ago, as Temporal lists it. Only a line that changed is read anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client

from models.incident.incident import Phase
from runtime.connection import PATIENCE
from runtime.errors import in_time
from runtime.incidents import ANSWER_WITHIN, IncidentLine, Which, line_of_info

JUST_CLOSED = timedelta(minutes=10)
"""What closed so lately is listed as well: the store may not have it yet."""
LATELY = timedelta(seconds=15)
"""So far back what is new is listed again: Temporal's list may be late, and clocks differ."""
SHARE = 10
"""All are listed again after so many times as long as it took."""
MOST_LISTED = 2_000
A_PAGE = 1_000
_URGENT = {Phase.AWAITING_APPROVAL.value: 0, Phase.ESCALATED.value: 1}


def needs_a_person(phase: str) -> bool:
    """Whether somebody must decide, or take over."""
    return phase in _URGENT


def urgency(phase: str, started_at: datetime) -> tuple[int, float]:
    """Sorts what needs a person to the front, the newest first."""
    return _URGENT.get(phase, len(_URGENT)), -started_at.timestamp()


async def count_of(client: Client, which: Which) -> int:
    """How many incidents there are of these, however many are listed. Raises TemporalAway."""
    async with in_time(ANSWER_WITHIN):
        return (await client.count_workflows(which.query, rpc_timeout=PATIENCE)).count


class Listed:
    """The list of one process. A line that is the same as before is the same object.

    To list hundreds costs the server a lot, so that it is asked for all of them a tenth of the time at most,
    and meanwhile for what began or closed.
    """

    def __init__(
        self, client: Client, clock: Callable[[], float] = time.monotonic, most: int = MOST_LISTED
    ) -> None:
        self._client = client
        self._most = most
        self.left_out = 0
        """How many open ones were more than are listed, when all were listed last: those that began first."""
        self._clock = clock
        self._read: dict[str, tuple[bytes, IncidentLine]] = {}
        """By run: what was sent, and the line that was read from it, which takes longer than to compare."""
        self._all_again = 0.0
        self._read_at = datetime.max.replace(tzinfo=UTC)
        """Up to when it was read: nobody may have looked since then."""

    async def lines(self, now: datetime) -> tuple[IncidentLine, ...]:
        """What is open, as `urgency` sorts it, and what has just closed. Raises TemporalAway."""
        began, before = self._clock(), self._read
        all_again = began >= self._all_again
        async with in_time(ANSWER_WITHIN):
            found, whole = await self._found(
                Which(since=now - JUST_CLOSED).query if all_again else _new(min(now, self._read_at))
            )
            if all_again:
                open_here = sum(not info.HasField("close_time") for info in found)
                self.left_out = (
                    0 if whole else max(0, await count_of(self._client, Which(open=True)) - open_here)
                )
        self._read_at = now
        if all_again:
            self._all_again = self._clock() + (SHARE - 1) * (self._clock() - began)
        self._read = ({} if all_again else before) | dict(_read(info, before) for info in found)
        lines = sorted((line for _, line in self._read.values()), key=lambda line: line.started_at)
        # A run that went on in a new one is open here until all are listed again: the newest run counts.
        is_open = [line for line in {line.id: line for line in lines}.values() if line.open]
        closed = [line for line in lines if not line.open]
        return (*sorted(is_open, key=lambda line: urgency(line.phase, line.started_at)), *closed)

    async def _found(self, query: str) -> tuple[list[WorkflowExecutionInfo], bool]:
        """What is listed, and whether that is all."""
        found, page = list[WorkflowExecutionInfo](), b""
        size = min(A_PAGE, self._most)
        while len(found) < self._most:
            request = ListWorkflowExecutionsRequest(
                namespace=self._client.namespace, page_size=size, next_page_token=page, query=query
            )
            answer = await self._client.workflow_service.list_workflow_executions(
                request, retry=True, timeout=PATIENCE
            )
            found += answer.executions
            page = answer.next_page_token
            if not page:
                return found, True
        return found, False


def _read(
    info: WorkflowExecutionInfo, before: Mapping[str, tuple[bytes, IncidentLine]]
) -> tuple[str, tuple[bytes, IncidentLine]]:
    sent, run_id = info.SerializeToString(deterministic=True), info.execution.run_id
    known = before.get(run_id)
    return run_id, known if known and known[0] == sent else (sent, line_of_info(info))


def _new(read_at: datetime) -> str:
    since = (read_at - LATELY).astimezone(UTC).isoformat()
    return f"{Which().query} AND (StartTime >= '{since}' OR CloseTime >= '{since}')"
