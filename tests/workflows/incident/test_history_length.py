"""A whole incident costs little history: what needs no approval is asked and ordered at once."""

from __future__ import annotations

from temporalio.api.enums.v1 import EventType

from models.incident.incident import Outcome
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
