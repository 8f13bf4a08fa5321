"""A mistake in the product's own code is heard of by a person, and never leaves a run that nobody hears."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models.incident.incident import Outcome
from models.names import TASK_QUEUE
from tests.workflows.harness import Harness, open_harness
from tests.workflows.mistaken import (
    MISTAKEN,
    MistakenBeside,
    MistakenMidway,
    MistakenPage,
    MistakenReplay,
    MistakenRevert,
)
from workflows.runbooks.classes import WORKFLOWS

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def mistaken() -> AsyncIterator[Harness]:
    async with open_harness(workflows=(*WORKFLOWS, *MISTAKEN)) as harness:
        yield harness


async def fire(harness: Harness, kind: type[Any]) -> Any:
    return await harness.fire(await harness.alert(), runbook=kind.__name__)


async def test_a_type_error_in_a_cause_escalates_and_pages(
    mistaken: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        handle = await fire(mistaken, MistakenPage)
        state = await mistaken.until(handle, "escalated")
    told = "a mistake in the product's own code while following the runbook: TypeError in too_young"
    assert any(entry.text.startswith(told) for entry in state.timeline)
    await mistaken.until_true(lambda: "On-Call" in mistaken.world.pages())
    assert any(told[1:] in one.text for one in mistaken.world.told), "where it is a sentence"
    assert any(told in one.message and one.exc_info for one in caplog.records), "with its traceback"
    assert await attribute(handle, "Fault") == "own code"


async def test_what_was_escalated_by_a_mistake_can_be_told_and_closed(mistaken: Harness) -> None:
    handle = await fire(mistaken, MistakenPage)
    await mistaken.until(handle, "escalated")
    await handle.signal("note", "looking at it")
    state = await mistaken.state(handle)
    assert any("looking at it" in entry.text for entry in state.timeline)
    review = await mistaken.closes(handle)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert any("TypeError" in remark for remark in review.remarks)


async def test_a_mistake_after_the_service_was_held_lets_it_go(mistaken: Harness) -> None:
    handle = await fire(mistaken, MistakenMidway)
    await mistaken.until(handle, "escalated")
    await mistaken.sleep(MINUTE)
    assert (await mistaken.book()).holder is None
    await mistaken.closes(handle)


async def test_a_mistake_beside_the_page_keeps_nobody_asleep(mistaken: Harness) -> None:
    """What a page says cannot be written; whether the service is well cannot be looked at."""
    handle = await fire(mistaken, MistakenBeside)
    await mistaken.until(handle, "escalated")
    await mistaken.sleep(12 * MINUTE)
    assert mistaken.world.pages()[:3] == ["On-Call", "Team Lead", "CTO"]
    assert "a person goes on" in mistaken.world.told[0].text
    noted = [entry.text for entry in (await mistaken.state(handle)).timeline]
    assert any("while writing what is known: AttributeError" in text for text in noted)
    assert any("while looking whether it is well: TypeError" in text for text in noted)
    await mistaken.closes(handle)


async def test_a_mistake_in_what_reverts_is_told_and_the_incident_can_be_closed(mistaken: Harness) -> None:
    handle = await fire(mistaken, MistakenRevert)
    told = "could not be reverted: a mistake in the product's own code"
    await mistaken.until_true(lambda: any(told in one.text for one in mistaken.world.told))
    review = await mistaken.closes(handle)
    assert any("KeyError" in remark for remark in review.remarks)


async def test_a_cancellation_is_not_swallowed(mistaken: Harness) -> None:
    mistaken.world.hold("watch_health")
    handle = await mistaken.fire(await mistaken.alert())
    await mistaken.until(handle, "verifying")
    await handle.cancel()
    assert (await mistaken.end(handle)).outcome is Outcome.CANCELLED


async def test_what_cannot_be_replayed_is_not_swallowed(mistaken: Harness) -> None:
    """The task fails, so that the code that began the run can go on with it once it is back."""
    handle = await mistaken.env.client.start_workflow(
        MistakenReplay.__name__,
        await mistaken.alert(),
        id="ServiceDown/replayed",
        task_queue=TASK_QUEUE,
    )
    await mistaken.sleep(1)
    described = await handle.describe()
    assert described.status is not None
    assert described.status.name == "RUNNING"
    assert mistaken.world.pages() == []
    await handle.terminate()


async def attribute(handle: Any, name: str) -> object:
    found = (await handle.describe()).typed_search_attributes
    return {pair.key.name: pair.value for pair in found}.get(name)
