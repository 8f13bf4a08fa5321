"""Reads the dry runs of a while, by Temporal's list of them and their reviews."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowFailureError

from models.incident.review import Review
from models.incident.search_attributes import DRY_RUN
from models.past.dry_runs import DryRuns, Ended, rows_of
from runtime.connection import PATIENCE
from runtime.errors import in_time

MOST = 1000
"""Dry runs that are read, the newest."""
AT_ONCE = 8
ANSWER_WITHIN = timedelta(seconds=90)


async def dry_runs_of(client: Client, over: timedelta) -> DryRuns:
    """Those that are open, or ended within this time. Raises TemporalAway."""
    since = datetime.now(UTC) - over
    query = (
        f"{DRY_RUN.name} IS NOT NULL AND "
        f"(ExecutionStatus = 'Running' OR CloseTime >= '{since:%Y-%m-%dT%H:%M:%SZ}')"
    )
    async with in_time(ANSWER_WITHIN):
        listed = [one async for one in client.list_workflows(query, limit=MOST + 1, rpc_timeout=PATIENCE)]
        some = asyncio.Semaphore(AT_ONCE)
        closed = [one for one in listed[:MOST] if one.status is not WorkflowExecutionStatus.RUNNING]
        reviews = await asyncio.gather(*(_review(client, one, some) for one in closed))
    ended = [
        Ended.of(review, review.dry_run, one.close_time or since)
        for one, review in zip(closed, reviews, strict=True)
        if review and review.dry_run
    ]
    lost = [one.id for one, review in zip(closed, reviews, strict=True) if not (review and review.dry_run)]
    return DryRuns(
        since=since,
        rows=rows_of(ended),
        ended=tuple(sorted(ended, key=lambda one: one.closed_at, reverse=True)),
        open=tuple(one.id for one in listed[:MOST] if one.status is WorkflowExecutionStatus.RUNNING),
        without_review=tuple(lost),
        not_counted=len(listed) > MOST,
    )


async def _review(client: Client, one: WorkflowExecution, some: asyncio.Semaphore) -> Review | None:
    if one.status is not WorkflowExecutionStatus.COMPLETED:
        return None
    handle = client.get_workflow_handle(one.id, run_id=one.run_id, result_type=Review)
    async with some:
        try:
            review: Review = await handle.result(follow_runs=False, rpc_timeout=PATIENCE)
        except (WorkflowFailureError, ValueError):  # of a version whose review was another one
            return None
        return review
