"""ConfiguredAnswer: a restart leaves alone what is starting, and what somebody stopped."""

from __future__ import annotations

from datetime import timedelta

from activities.managers.process_seen import OwnCheck
from models.incident.incident import Outcome
from tests.workflows.harness import Harness, Incident
from tests.workflows.sights import HEALTHY, LONG_AGO, REFUSED, RUNNING, YOUNG, stopped

RESTARTS = {"QueueStuck": {"severity": "critical", "answer": {"act": "restart"}}}


async def fired(harness: Harness) -> Incident:
    harness.configure(alerts=RESTARTS)
    return await harness.fire(await harness.alert("QueueStuck"))


async def waits(harness: Harness) -> Incident:
    """An incident of a service that has only just begun to start."""
    harness.world.health, harness.world.process = REFUSED, YOUNG
    handle = await fired(harness)
    await harness.until_true(lambda: "probe_health" in harness.world.called)
    await harness.sleep(timedelta(seconds=30))
    assert harness.world.done == []
    return handle


async def test_what_is_starting_is_waited_for(harness: Harness) -> None:
    handle = await waits(harness)
    harness.world.health, harness.world.process = HEALTHY, RUNNING
    assert (await harness.end(handle)).outcome is Outcome.SELF_RECOVERED
    assert harness.world.done == []


async def test_what_had_its_time_to_start_is_restarted(harness: Harness) -> None:
    handle = await waits(harness)
    harness.world.process = RUNNING
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["restart backend"]


async def test_what_starts_for_too_long_is_left_to_a_person(harness: Harness) -> None:
    harness.world.health = REFUSED
    harness.world.process = RUNNING.model_copy(update={"own_check": OwnCheck.STARTING})
    handle = await fired(harness)
    state = await harness.until(handle, "escalated")
    assert any("still starting, so it was not restarted" in entry.text for entry in state.timeline)
    await handle.signal("done")
    assert (await harness.end(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert harness.world.done == []


async def test_what_somebody_stopped_is_not_started_unasked(harness: Harness) -> None:
    harness.world.health, harness.world.process = REFUSED, stopped(LONG_AGO)
    handle = await fired(harness)
    state = await harness.until(handle, "awaiting approval")
    assert state.cause == "as configured, with approval"
    assert harness.world.done == []
    await handle.signal("done")
    await harness.end(handle)
    assert harness.world.done == []
