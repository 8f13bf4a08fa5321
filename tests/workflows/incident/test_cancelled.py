"""A person requests the cancellation of an incident: nothing new is done, and nothing is left behind."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowExecutionStatus

from models.incident.announcement import Occasion
from models.incident.incident import Outcome
from models.incident.review import Review
from models.names import CONTROL_ROOM_ID
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident, patience
from tests.workflows.incident.test_joining import its_database_asks, its_database_is_asked_about
from tests.workflows.incident.test_safe_points import Case, every_runbook
from tests.workflows.remediation.test_degradation import DEGRADE, RESTORE, degraded
from tests.workflows.stewardship.test_stewardship import first_of_two, service_down
from tests.workflows.switch import resume, suspend


async def cancelled(harness: Harness, handle: Incident) -> Review:
    """Its review, told and released: what every cancellation comes to."""
    await handle.cancel()
    review = await harness.end(handle)
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert review.outcome is Outcome.CANCELLED
    assert any(entry.text.startswith("cancelled") and entry.of_a_person for entry in review.timeline)
    assert harness.world.reviews == [review]
    ends = [one for one in harness.world.told if one.occasion is Occasion.RESOLVED]
    assert [one.incident for one in ends] == [handle.id]
    assert "may still fire" in ends[0].text
    return review


@every_runbook
async def test_while_waiting_for_approval_nothing_is_done(harness: Harness, case: Case) -> None:
    await case.asks(harness)
    handle = await case.fire(harness)
    asked = (await harness.until(handle, "awaiting approval")).awaiting
    await cancelled(harness, handle)
    assert harness.world.done == []
    assert asked and (await harness.book(asked.plan.service.name)).holder is None


async def test_a_step_that_is_under_way_ends_and_nothing_follows(harness: Harness) -> None:
    harness.world.hold("start_service")
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "start_service" in harness.world.called)
    await handle.cancel()
    await harness.sleep(1)
    assert (await harness.state(handle)).outcome is None, "nobody knows yet what became of it"
    harness.world.let_go("start_service")
    review = await harness.end(handle)
    assert (review.outcome, len(review.performed)) == (Outcome.CANCELLED, 1)
    assert "watch_health" not in harness.world.called
    assert (await harness.book()).holder is None


async def test_while_it_waits_for_a_start(harness: Harness) -> None:
    harness.world.process = sights.YOUNG
    handle = await harness.fire(await harness.alert())
    for _ in patience():
        if any(entry.text.startswith("waits ") for entry in (await harness.state(handle)).timeline):
            break
        await harness.sleep(0.1)
    await cancelled(harness, handle)
    assert harness.world.done == []


async def test_while_verifying(harness: Harness) -> None:
    harness.world.hold("watch_health")
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "watch_health" in harness.world.called)
    await cancelled(harness, handle)
    assert harness.world.done == ["start backend"]


@pytest.mark.parametrize("phase", ["resolved", "escalated"])
async def test_what_is_temporary_is_reverted(harness: Harness, phase: str) -> None:
    if phase == "escalated":
        harness.world.watched["watch_errors"] = sights.FAILING
    handle = await degraded(harness)
    await harness.until(handle, phase)
    assert harness.world.done == [DEGRADE]
    await handle.cancel()
    review = await harness.end(handle)
    assert harness.world.done == [DEGRADE, RESTORE]
    assert review.outcome is (Outcome.CANCELLED if phase == "escalated" else Outcome.RESOLVED)


async def test_what_cannot_be_reverted_is_tried_until_a_person_gives_it_up(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    harness.world.works = False
    await handle.cancel()
    await harness.until_true(lambda: harness.world.done.count(RESTORE) == 1)
    await harness.until_true(lambda: "could not be reverted" in harness.world.told[-1].text)
    await harness.sleep(1500)
    assert harness.world.done.count(RESTORE) == 3, "every ten minutes"
    harness.world.works = True
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done.count(RESTORE) == 4


async def test_what_cannot_be_reverted_is_tried_at_once_and_given_up_by_a_done(harness: Harness) -> None:
    handle = await degraded(harness)
    await harness.until(handle, "resolved")
    harness.world.works = False
    harness.world.let_go("watch_providers")
    await harness.until_true(lambda: harness.world.done.count(RESTORE) == 1)
    await handle.cancel()
    await harness.sleep(5)
    assert harness.world.done.count(RESTORE) == 2, "the cancellation wants it now"
    assert (await harness.closes(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done.count(RESTORE) == 3


async def test_with_a_person_nobody_is_paged_any_more(harness: Harness) -> None:
    harness.world.works = False
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    pages = harness.world.pages()
    await cancelled(harness, handle)
    assert harness.world.pages() == pages


async def test_while_waiting_in_line_it_leaves_the_line(harness: Harness) -> None:
    first, second = await first_of_two(harness)
    await cancelled(harness, second)
    assert (await harness.book()).waiting == ()
    await harness.closes(first)


async def test_while_waiting_for_another_incident_that_one_goes_on(harness: Harness) -> None:
    await its_database_asks(harness)
    handle = await service_down(harness)
    healing = await its_database_is_asked_about(harness)
    await cancelled(harness, handle)
    await harness.closes(healing)


async def test_the_steward_goes_on_with_what_it_does(harness: Harness) -> None:
    harness.world.hold("start_service")
    handle = await harness.fire(await harness.alert())
    await harness.until_true(lambda: "start_service" in harness.world.called)
    await harness.steward().cancel()
    await harness.sleep(1)
    harness.world.let_go("start_service")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend"]
    assert [one.says for one in (await harness.book()).performed] == ["start backend"]


async def test_the_control_room_keeps_everything_suspended(harness: Harness) -> None:
    await suspend(harness, "ada", "a migration")
    room = harness.env.client.get_workflow_handle(CONTROL_ROOM_ID)
    await room.cancel()
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "paused")
    assert harness.world.done == []
    await resume(harness, "ada")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
