"""The kill switch stops what has not begun, says who set it and why, and can be reset."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.switch import resume, suspend

KILL = "kill process 77 (thief), which listens on port 3000"


async def test_no_action_begins_while_suspended(harness: Harness) -> None:
    await suspend(harness, by="ada", why="a migration")
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert any("not done: suspended by ada: a migration" in one.text for one in state.timeline)
    await harness.until_true(lambda: "On-Call" in harness.world.pages())
    assert harness.world.done == []
    assert (await harness.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert (await harness.book()).failures == (), "what was not tried did not fail"
    await resume(harness, by="ada")
    assert (await harness.end(await harness.fire(await harness.alert()))).outcome is Outcome.RESOLVED


async def test_an_approval_does_not_open_the_switch(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await suspend(harness, by="ada", why="")
    await handle.signal("approve")
    state = await harness.until(handle, "escalated")
    assert any("suspended by ada: no reason given" in one.text for one in state.timeline)
    assert harness.world.done == []
    await harness.closes(handle)


async def test_it_stops_a_plan_between_its_steps(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    harness.world.hold("kill_process")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.until_true(lambda: "kill_process" in harness.world.called)
    await suspend(harness, by="ada", why="a migration")
    harness.world.let_go("kill_process")
    await harness.until(handle, "escalated")
    assert harness.world.done == [KILL]
    review = await harness.closes(handle)
    assert review.did_not_help == (f"{KILL}, then start backend: done; suspended by ada: a migration",)


async def test_evidence_and_approvals_go_on_while_suspended(harness: Harness) -> None:
    await suspend(harness, by="ada", why="a migration")
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await resume(harness, by="ada")
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
