"""What is open, and what closed a moment ago, as Temporal lists it. Only a line that changed is read anew."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client

from models.incident.incident import Phase
from runtime.connection import PATIENCE
from runtime.errors import in_time
from runtime.incidents import ANSWER_WITHIN, IncidentLine, Which, line_of_info

JUST_CLOSED = timedelta(minutes=10)
"""What closed so lately is listed as well: the store may not have it yet."""
MOST_LISTED = 2_000
A_PAGE = 1_000
_URGENT = {Phase.AWAITING_APPROVAL.value: 0, Phase.ESCALATED.value: 1}


def needs_a_person(phase: str) -> bool:
    """Whether somebody must decide, or take over."""
    return phase in _URGENT


def urgency(phase: str, started_at: datetime) -> tuple[int, float]:
    """Sorts what needs a person to the front, the newest first."""
    return _URGENT.get(phase, len(_URGENT)), -started_at.timestamp()


class Listed:
    """The list of one process. A line that is the same as before is the same object."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lines: dict[bytes, IncidentLine] = {}
        """By the bytes from which each was read: those are compared in no time, and read at length."""

    async def lines(self, now: datetime) -> tuple[IncidentLine, ...]:
        """What is open, as `urgency` sorts it, and what has just closed. Raises TemporalAway."""
        async with in_time(ANSWER_WITHIN):
            found = await self._found(Which(since=now - JUST_CLOSED).query)
        before, self._lines = self._lines, {}
        for info in found:
            key = info.SerializeToString(deterministic=True)
            self._lines[key] = before.get(key) or line_of_info(info)
        return tuple(
            sorted(
                self._lines.values(), key=lambda line: (not line.open, *urgency(line.phase, line.started_at))
            )
        )

    async def _found(self, query: str) -> list[WorkflowExecutionInfo]:
        found, page = list[WorkflowExecutionInfo](), b""
        while len(found) < MOST_LISTED:
            request = ListWorkflowExecutionsRequest(
                namespace=self._client.namespace, page_size=A_PAGE, next_page_token=page, query=query
            )
            answer = await self._client.workflow_service.list_workflow_executions(
                request, retry=True, timeout=PATIENCE
            )
            found += answer.executions
            page = answer.next_page_token
            if not page:
                break
        return found
