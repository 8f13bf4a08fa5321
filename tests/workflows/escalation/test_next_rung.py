"""An incident says whom it pages next and when: what it says is what happens, and it costs no event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from models.incident.announcement import NextRung
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident, open_harness
from tests.workflows.waiting import WaitsAMoment
from workflows.runbooks.classes import WORKFLOWS

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
SOON = 5 * SECOND
UNDER_WAY = {EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED}


@pytest.fixture
async def running() -> AsyncIterator[Harness]:
    """The backend runs, and answers nobody."""
    async with open_harness(workflows=(*WORKFLOWS, WaitsAMoment)) as harness:
        harness.world.process = sights.RUNNING
        yield harness


async def waits(harness: Harness) -> Incident:
    handle = await harness.fire(await harness.alert(), runbook=WaitsAMoment.__name__)
    await harness.until_it_waits(handle)
    return handle


async def said(harness: Harness, handle: Incident) -> NextRung:
    found = (await harness.state(handle)).next_rung
    assert found is not None
    return found


async def comes_true(harness: Harness, handle: Incident) -> NextRung:
    """What it says of the next page is so, to a few seconds."""
    next_rung, before = await said(harness, handle), harness.world.pages()
    await harness.sleep(next_rung.at - await harness.now() - SOON)
    assert harness.world.pages() == before
    await harness.sleep(2 * SOON)
    await harness.until_true(lambda: harness.world.pages() == [*before, next_rung.role])
    assert await harness.now() - next_rung.at < MINUTE / 2
    return next_rung


async def test_each_page_comes_to_whom_and_when_the_incident_says(running: Harness) -> None:
    handle = await waits(running)
    climbed = [await comes_true(running, handle) for _ in range(2)]
    assert [(one.role, one.again) for one in climbed] == [("On-Call", False), ("Team Lead", False)]
    assert (await said(running, handle)).role == "CTO"
    await running.closes(handle)


async def test_whom_it_asks_again_at_the_top_and_after_a_quiet_acknowledgement(harness: Harness) -> None:
    harness.configure(escalation={"service-down": ["On-Call"]})
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("acknowledge")
    assert (await comes_true(harness, handle)).again, "it is asked whether it is still being worked on"
    assert (await said(harness, handle)).again, "there is nobody above"
    await harness.closes(handle)


async def test_nobody_is_next_while_it_stands_still_or_is_over(harness: Harness) -> None:
    review = await harness.end(handle := await harness.fire(await harness.alert()))
    assert review.outcome
    assert (await harness.state(handle)).next_rung is None


async def at_rest(handle: Incident) -> list[int]:
    """Its events, once no workflow task is under way: queries are answered before a task's end is written."""
    end = asyncio.get_running_loop().time() + 30
    while asyncio.get_running_loop().time() < end:
        events = [int(event.event_type) async for event in handle.fetch_history_events()]
        if events[-1] not in UNDER_WAY:
            return events
        await asyncio.sleep(0.1)
    raise AssertionError("a workflow task never ended")


async def test_the_countdown_adds_no_event(running: Harness) -> None:
    handle = await waits(running)
    before = await at_rest(handle)
    for _ in range(3):
        await said(running, handle)
    assert await at_rest(handle) == before
    await running.closes(handle)
