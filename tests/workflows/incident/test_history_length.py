"""A whole incident costs little history: what needs no approval is asked and ordered at once."""

from __future__ import annotations

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType

from models.incident.incident import Outcome, Phase
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident, patience


async def test_an_automatic_fix_goes_along_with_the_question_for_the_service(harness: Harness) -> None:
    """And the worker at hand lets go of it: a signal from the run would be two events and a workflow task."""
    handle = await harness.fire(await harness.alert())
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert harness.world.done == ["start backend"]
    assert harness.world.stewards == ["backend"]
    assert await _signals(handle) == []
    assert (await harness.book()).holder is None


async def test_where_the_worker_at_hand_cannot_say_that_the_service_is_free_temporal_does(
    harness: Harness,
) -> None:
    harness.world.broken_looks.add("release_service")
    handle = await harness.fire(await harness.alert())
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    assert await _signals(handle) == ["release"]
    assert (await harness.book()).holder is None


async def test_what_did_not_help_counts_although_its_last_word_came_from_the_worker_at_hand(
    harness: Harness,
) -> None:
    harness.world.watched["watch_health"] = sights.FAILING
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "escalated")
    await harness.closes(handle)
    book = await harness.book()
    assert (book.holder, book.failed) == (None, 1)


async def _signals(handle: Incident) -> list[str]:
    return [
        event.signal_external_workflow_execution_initiated_event_attributes.signal_name
        for event in (await handle.fetch_history()).events
        if event.event_type == EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED
    ]


async def test_it_is_found_by_the_phases_that_last_and_no_timer_wakes_it(harness: Harness) -> None:
    harness.world.hold("watch_health")  # a proof takes longer than to tell people that it begins
    handle = await harness.fire(await harness.alert())
    await harness.until(handle, "verifying")
    for _ in patience():
        if any(one.sent for one in (await harness.state(handle)).timeline):
            break
        await harness.sleep(1)
    harness.world.let_go("watch_health")
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    events = (await handle.fetch_history()).events
    found_by = [
        _text(attributes.search_attributes.indexed_fields["Phase"])
        for event in events
        if (
            attributes := event.upsert_workflow_search_attributes_event_attributes
        ).search_attributes.indexed_fields
    ]
    assert found_by == [Phase.ACTING, Phase.VERIFYING, Phase.CLOSED]
    cancelled = [event for event in events if event.event_type == EventType.EVENT_TYPE_TIMER_CANCELED]
    fired = [event for event in events if event.event_type == EventType.EVENT_TYPE_TIMER_FIRED]
    assert len(cancelled) == 2  # of the looks, and of the question to the steward
    assert not fired


def _text(payload: Payload) -> str:
    return payload.data.decode().strip('"')
