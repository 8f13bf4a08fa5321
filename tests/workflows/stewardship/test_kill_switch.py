"""The kill switch stops what has not begun, says who threw it and why, and is taken back."""

from __future__ import annotations

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Night
from tests.workflows.switch import resume, suspend

KILL = "kill process 77 (thief), which listens on port 3000"


async def test_no_action_begins_while_suspended(night: Night) -> None:
    await suspend(night, by="ada", why="a migration")
    handle = await night.fire(await night.alert())
    state = await night.until(handle, "escalated")
    assert any("not done: suspended by ada: a migration" in one.text for one in state.timeline)
    await night.until_true(lambda: "On-Call" in night.world.pages())
    assert night.world.done == []
    assert (await night.closes(handle)).outcome is Outcome.CLOSED_BY_HUMAN
    assert (await night.book()).failures == (), "what was not tried did not fail"
    await resume(night, by="ada")
    assert (await night.end(await night.fire(await night.alert()))).outcome is Outcome.RESOLVED


async def test_an_approval_does_not_open_the_switch(night: Night) -> None:
    night.world.port = sights.TAKEN_PORT
    handle = await night.fire(await night.alert())
    await night.until(handle, "awaiting approval")
    await suspend(night, by="ada", why="")
    await handle.signal("approve")
    state = await night.until(handle, "escalated")
    assert any("suspended by ada: no reason given" in one.text for one in state.timeline)
    assert night.world.done == []
    await night.closes(handle)


async def test_it_stops_a_plan_between_its_steps(night: Night) -> None:
    night.world.port = sights.TAKEN_PORT
    night.world.hold("kill_process")
    handle = await night.fire(await night.alert())
    await night.until(handle, "awaiting approval")
    await handle.signal("approve")
    await night.until_true(lambda: "kill_process" in night.world.called)
    await suspend(night, by="ada", why="a migration")
    night.world.let_go("kill_process")
    await night.until(handle, "escalated")
    assert night.world.done == [KILL]
    review = await night.closes(handle)
    assert review.did_not_help == (f"{KILL}, then start backend: done; suspended by ada: a migration",)


async def test_evidence_and_approvals_go_on_while_suspended(night: Night) -> None:
    await suspend(night, by="ada", why="a migration")
    night.world.port = sights.TAKEN_PORT
    handle = await night.fire(await night.alert())
    await night.until(handle, "awaiting approval")
    await resume(night, by="ada")
    await handle.signal("approve")
    assert (await night.end(handle)).outcome is Outcome.RESOLVED
