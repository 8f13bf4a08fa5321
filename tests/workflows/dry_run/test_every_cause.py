"""A dry run of every row of every causes table: nothing is done, and the review says what would be."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from models.incident.incident import Outcome
from models.incident.review import Review
from models.names import steward_id
from tests.scenarios.tables import ROWS
from tests.workflows.harness import Harness, Incident, open_harness, patience
from tests.workflows.rows import Row
from tests.workflows.world import World

LONGEST_STEP = timedelta(minutes=30)
ACTS = {name: [row for row in rows if row.done] for name, rows in ROWS.items()}


@pytest.mark.parametrize("runbook", [name for name, rows in ACTS.items() if rows])
async def test_nothing_is_done_and_the_review_names_what_would_be(runbook: str) -> None:
    async with open_harness() as harness:
        for row in ACTS[runbook]:
            async with _scene(harness, row):
                review = await _dry_run(harness, runbook, row)
                others = [await _end(harness, harness.incident(one)) for one in review.handed_to]
            assert harness.world.done == [], f"{row.title}: nothing is done in a dry run"
            assert review.dry_run, f"{row.title}: the review says that it is one"
            assert review.outcome is Outcome.DRY_RUN, f"{row.title}: {review.summary}"
            assert not any(one.done for one in review.performed)
            planned = [one.says for each in (*others, review) if each.dry_run for one in each.dry_run.planned]
            assert planned, f"{row.title}: {review.summary}"
            assert planned[0].startswith(row.done[0]), f"{row.title}: {planned}"
            assert all(one.title.startswith("dry run: ") for one in harness.world.told)


@contextlib.asynccontextmanager
async def _scene(harness: Harness, row: Row) -> AsyncIterator[None]:
    """The world of this row alone, on the server of the rows before it: a server takes longer than a row."""
    vars(harness.world).clear()
    vars(harness.world).update(vars(World()))
    harness.configure(**{**row.configuration, "dry_run": True})
    await row.scene(harness)
    yield
    for service in harness.configuration.services:
        for dry_run in (False, True):
            with contextlib.suppress(RPCError):
                steward = steward_id(service, dry_run=dry_run)
                await harness.env.client.get_workflow_handle(steward).terminate()


async def _dry_run(harness: Harness, runbook: str, row: Row) -> Review:
    """The review of a row's dry run: every question is approved, and a person ends what escalates."""
    handle = await harness.fire(await harness.alert(runbook, service=row.service, labels=row.labels))
    if row.person_first:
        await harness.until_it_waits(handle)
        await handle.signal("done")
    return await _end(harness, handle)


async def _end(harness: Harness, handle: Incident) -> Review:
    step, said = timedelta(seconds=1), False
    for _ in patience():
        if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
            with harness.env.auto_time_skipping_disabled():
                return await handle.result()
        state = await harness.state(handle)
        if state.awaiting:
            await handle.signal("approve")
        if state.phase == "escalated" and not said:
            await handle.signal("done")
            said = True
        await harness.sleep(step)
        step = min(2 * step, LONGEST_STEP)
    raise AssertionError(f"never closed: {await harness.state(handle)}")
