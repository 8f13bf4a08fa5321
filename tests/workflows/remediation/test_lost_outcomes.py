"""An effect whose outcome is lost: looked at before anything else happens, never done blindly again."""

from __future__ import annotations

from datetime import timedelta

from models.actions.kinds import kinds
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident
from tests.workflows.scenes import LOOPING, deployed, scene
from workflows.stewardship.execution import PERFORMANCES

ROLL_BACK = "roll backend back from backend:2 to backend:1"


async def rolling_back(harness: Harness) -> Incident:
    """A rollback is approved, and its outcome is lost."""
    await deployed(scene(process=LOOPING))(harness)
    harness.world.lost["roll_back"] = 1
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    return handle


async def test_an_effect_that_looks_first_is_asked_again(harness: Harness) -> None:
    harness.world.lost["start_service"] = 1
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend"] * 2
    assert len(review.performed) == 1


async def test_lost_twice_it_is_left_to_a_human(harness: Harness) -> None:
    harness.world.lost["start_service"] = 2
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert any("whether it happened is unknown" in one.text for one in state.timeline)
    await harness.sleep(3600)
    assert harness.world.done == ["start backend"] * 2
    await harness.closes(handle)


async def test_what_the_file_forbids_by_then_may_have_happened(harness: Harness) -> None:
    """The worker was started anew with an edited file, in the middle of it."""
    harness.world.lost["start_service"], harness.world.edited = 1, {"start_service"}
    handle = await harness.fire(await harness.alert())
    state = await harness.until(handle, "escalated")
    assert any("whether it happened is unknown" in one.text for one in state.timeline)
    assert not any("it was not done" in one.text for one in state.timeline)
    assert harness.world.done == ["start backend"]
    await harness.closes(handle)


async def test_a_rollback_is_looked_back_at_and_never_asked_again(harness: Harness) -> None:
    review = await harness.end(await rolling_back(harness))
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == [ROLL_BACK]
    assert review.performed[0].found == "seen by looking back"


async def test_a_rollback_that_did_not_happen_is_left_to_a_human(harness: Harness) -> None:
    harness.world.found_later = False
    handle = await rolling_back(harness)
    await harness.until(handle, "escalated")
    assert harness.world.done == [ROLL_BACK]
    assert (await harness.closes(handle)).did_not_help == (f"{ROLL_BACK}: it did not happen",)


async def test_a_lost_script_is_looked_back_at_when_it_must_have_ended(harness: Harness) -> None:
    script = {"command": ["./back.sh"], "timeout": "7m"}
    harness.configure(services={"backend": {"rollback": script}})
    handle = await rolling_back(harness)
    await harness.until(handle, "acting")
    await harness.sleep(timedelta(minutes=7, seconds=40))  # the test server loses a task whose timer ends now
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    asked = {
        event.activity_task_scheduled_event_attributes.activity_type.name: event.event_time.ToDatetime()
        for event in (await harness.steward().fetch_history()).events
    }
    assert asked["look_back"] - asked["roll_back"] >= timedelta(minutes=7)


async def test_a_worker_that_dies_in_the_middle_is_noticed_by_its_heartbeats(harness: Harness) -> None:
    """Ten real seconds: the server's clock does not run ahead of an activity."""
    harness.world.silent = {"start_service"}
    review = await harness.end(await harness.fire(await harness.alert()))
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend"] * 2


async def test_the_first_step_that_is_not_done_ends_the_plan(harness: Harness) -> None:
    harness.world.port, harness.world.works = sights.TAKEN_PORT, False
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "awaiting approval")
    await handle.signal("approve")
    await harness.until(handle, "escalated")
    assert harness.world.done == ["kill process 77 (thief), which listens on port 3000"]
    await harness.closes(handle)


def test_every_kind_of_action_can_be_performed() -> None:
    assert {one.action for one in PERFORMANCES} == set(kinds().values())
