"""A whole incident costs little history: what needs no approval is asked and ordered at once."""

from __future__ import annotations

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType

from models.incident.incident import Outcome, Phase
from tests.workflows.harness import Harness


async def test_an_automatic_fix_goes_along_with_the_question_for_the_service(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert())
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED
    history = await handle.fetch_history()
    signals = [
        event.signal_external_workflow_execution_initiated_event_attributes.signal_name
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED
    ]
    assert signals == ["release"]
    assert harness.world.done == ["start backend"]


async def test_it_is_found_by_the_phases_that_last_and_no_timer_wakes_it(harness: Harness) -> None:
    handle = await harness.fire(await harness.alert())
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
