"""The product's own runs, by Temporal's list of them: what is open, what failed, and who works."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from activities.support.redaction import clean
from models.base import in_words
from models.checks.item import ItemResult, ItemState, Table
from models.checks.status import OwnRunsRequest
from models.incident.search_attributes import ALERT_NAME, PHASE
from models.names import TASK_QUEUE

WITHIN = timedelta(seconds=8)
MOST = 200
MOST_ROWS = 20

_OURS = f"TaskQueue = '{TASK_QUEUE}'"


class OwnRunActivities:
    """Asks through the worker's client. A list may lag some seconds behind."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def look_at_own_open_runs(self, request: OwnRunsRequest) -> ItemResult:
        """Open runs by type, and each open incident with its phase; `attention` when there is an incident."""
        query = f"{_OURS} AND ExecutionStatus = 'Running'"
        try:
            total, found = await self._listed(query)
        except _Away as away:
            return ItemResult(reason=str(away), observed_at=datetime.now(UTC))
        own = activity.info().workflow_id
        runs = [one for one in found if one.id != own]
        incidents = [one for one in runs if one.typed_search_attributes.get(ALERT_NAME)]
        by_type = ", ".join(f"{count} {name}" for name, count in _by_type(runs))
        return ItemResult(
            state=ItemState.ATTENTION if incidents else ItemState.OK,
            reason=f"{len(incidents)} incidents are open; runs: {by_type or 'none'}{_more(total, found)}",
            observed_at=datetime.now(UTC),
            tables=(_incidents(incidents),) if incidents else (),
        )

    @activity.defn
    async def look_at_own_failed_runs(self, request: OwnRunsRequest) -> ItemResult:
        """Runs that failed, timed out or were terminated lately: none of them should; `bad` when one did."""
        now = datetime.now(UTC)
        since = now - timedelta(hours=request.hours)
        ended = "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')"
        try:
            total, found = await self._listed(
                f"{_OURS} AND {ended} AND CloseTime > '{since:%Y-%m-%dT%H:%M:%SZ}'"
            )
        except _Away as away:
            return ItemResult(reason=str(away), observed_at=now)
        rows = tuple(
            (
                clean(one.id, 120),
                one.status.name.lower() if one.status else "",
                f"{one.close_time:%m-%d %H:%M:%S}",
            )
            for one in found[:MOST_ROWS]
        )
        last = f"in the last {in_words(timedelta(hours=request.hours))}"
        failed = [one for one in rows if one[1] != "terminated"]
        return ItemResult(
            state=ItemState.BAD if failed else ItemState.ATTENTION if total else ItemState.OK,
            reason=f"{total} runs failed or were terminated {last}" if total else f"no run failed {last}",
            observed_at=now,
            tables=(Table(title="failed runs", columns=("run", "ended", "at"), rows=rows),) if rows else (),
        )

    async def _listed(self, query: str) -> tuple[int, list[WorkflowExecution]]:
        """How many there are, and the newest of them. Raises `_Away`."""
        try:
            async with asyncio.timeout(WITHIN.total_seconds()):
                total = (await self._client.count_workflows(query)).count
                return total, [one async for one in self._client.list_workflows(query, limit=MOST)]
        except TimeoutError:
            raise _Away(f"Temporal did not list our runs within {in_words(WITHIN)}") from None
        except (RPCError, RuntimeError) as error:
            raise _Away(f"Temporal cannot list our runs: {clean(str(error), 160)}") from error


class _Away(Exception):
    """Temporal cannot be asked; one sentence."""


def _by_type(runs: list[WorkflowExecution]) -> list[tuple[str, int]]:
    return sorted(Counter(clean(one.workflow_type, 80) for one in runs).items())


def _more(total: int, found: list[WorkflowExecution]) -> str:
    return f", and {total - len(found)} more" if total > len(found) else ""


def _incidents(incidents: list[WorkflowExecution]) -> Table:
    oldest = sorted(incidents, key=lambda one: one.start_time)
    return Table(
        title="open incidents",
        columns=("incident", "phase", "since"),
        rows=tuple(
            (
                clean(one.id, 120),
                one.typed_search_attributes.get(PHASE) or "",
                f"{one.start_time:%m-%d %H:%M:%S}",
            )
            for one in oldest[:MOST_ROWS]
        ),
    )
