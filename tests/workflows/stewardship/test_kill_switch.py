"""The kill switch stops what has not begun, says who set it and why; its end lets everything go on."""

from __future__ import annotations

from datetime import timedelta

from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.switch import resume, suspend

KILL = "kill process 77 (thief), which listens on port 3000"
BEGINS = "Begins: suspended by ada: a migration"
OVER = "Over: suspended by ada: a migration"


async def test_alerts_that_fire_while_suspended_wait_quietly_and_go_on_by_themselves_at_resume(
    harness: Harness,
) -> None:
    await suspend(harness, by="ada", why="a migration")
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "paused")
    assert (state.cause, state.paused, state.paused_until) == ("crash", "suspended by ada: a migration", None)
    await harness.sleep(timedelta(hours=2))
    assert (harness.world.done, harness.world.pages()) == ([], [])
    assert harness.world.notices() == [BEGINS], "once for the fleet"
    await resume(harness, by="ada")
    review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (Outcome.RESOLVED, ["start backend"])
    assert (await harness.book()).failures == (), "what was not tried did not fail"
    assert any("It stood still for 2 h" in remark for remark in review.remarks)
    assert OVER in harness.world.notices()


async def test_a_question_is_taken_back_and_asked_anew_afterwards(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await suspend(harness, by="ada", why="")
    state = await harness.until(handle, "paused")
    assert state.awaiting is None
    await handle.signal("approve")
    await harness.sleep(timedelta(minutes=30))
    assert harness.world.done == []
    await resume(harness, by="ada")
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_it_stops_a_plan_between_its_steps_and_the_rest_is_judged_afresh(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    harness.world.hold("kill_process")
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.until_true(lambda: "kill_process" in harness.world.called)
    told = len(harness.world.pages())
    await suspend(harness, by="ada", why="a migration")
    harness.world.works = False
    harness.world.let_go("kill_process")
    await harness.until(handle, "paused")
    harness.world.works, harness.world.port = True, sights.FREE_PORT
    await resume(harness, by="ada")
    review = await harness.end(handle)
    assert (review.outcome, len(harness.world.pages())) == (Outcome.RESOLVED, told)
    assert harness.world.done == [KILL, "start backend"]
    assert (await harness.book()).failures == (), "what was stopped did not fail"


async def test_a_signal_that_is_lost_is_made_up_for_by_the_steward(harness: Harness) -> None:
    harness.world.port = sights.TAKEN_PORT
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    harness.world.fired.clear()
    await suspend(harness, by="ada", why="a migration")
    await handle.signal("approve")
    state = await harness.until(handle, "paused")
    assert any("not done: suspended by ada: a migration" in one.text for one in state.timeline)
    assert harness.world.done == []
    await resume(harness, by="ada")
    await harness.until(handle, "awaiting approval")
    await harness.closes(handle)


async def test_a_fleet_that_stays_suspended_is_told_of_once_a_day(harness: Harness) -> None:
    await suspend(harness, by="ada", why="a migration")
    await harness.sleep(timedelta(hours=5))
    assert [one.title for one in harness.world.told[1:]] == ["All actions are suspended for 4 h"]
    await harness.sleep(timedelta(days=2))
    assert len(harness.world.told) == 4
    assert "starter.py resume" in harness.world.told[-1].text
    await resume(harness, by="ada")
    await harness.sleep(timedelta(days=2))
    assert [one.title for one in harness.world.told[4:]] == [OVER]
