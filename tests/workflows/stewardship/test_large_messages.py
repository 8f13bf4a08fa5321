"""What a steward is told has any size; what it remembers fits into one payload, or it could never go on."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from models.incident.stewardship import ControlRoomState
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, TASK_QUEUE, Severity
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.stewardship.test_steward import ask, book, employ, hold, open_run
from workflows.stewardship.ledger import MOST_WAITING

FITS = 2**20
"""Bytes. A payload may have twice as many."""
LARGE = "x" * 25_000
WHEN = sights.LONG_AGO.isoformat()
DEPLOYED = {"service": "backend", "version": "1", "deployed_at": WHEN}
DENIED = {
    "incident": "A/b",
    "run_id": "r",
    "essences": ["e"],
    "says": "s",
    "by": "ada",
    "why": "",
    "at": WHEN,
}
RELEASED = {"incident": "A/b", "run_id": "r", "acted": False, "healed": False}


def large(signal: str, number: int) -> dict[str, Any]:
    """One message of this kind with a text of any size, unlike the one before."""
    if signal == "deployed":
        return {**DEPLOYED, "version": f"{number}{LARGE}"}
    if signal == "denied":
        return {**RELEASED, "denied": {**DENIED, "says": LARGE, "why": LARGE}}
    return {**RELEASED, "key": f"{number}{LARGE}"}


@pytest.mark.parametrize("what", ["deployed", "denied", "released"])
async def test_no_message_of_any_size_fills_the_book(harness: Harness, what: str) -> None:
    steward = await employ(harness.env.client)
    for number in range(50):
        await steward.signal("deployed" if what == "deployed" else "release", large(what, number))
    state = await book(steward)
    assert len(state.model_dump_json()) < FITS
    assert await ask(steward, hold("A/backend")) == "granted"


async def test_a_question_of_any_size_is_refused_to_who_asks_it(harness: Harness) -> None:
    steward = await employ(harness.env.client)
    long = {"incident": LARGE, "run_id": "r", "severity": "critical", "asked_at": WHEN}
    question = {"key": "k", "service": "backend", "hold": long}
    with pytest.raises(WorkflowUpdateFailedError):
        await steward.execute_update("ask", question)
    assert (await book(steward)).holder is None
    assert await ask(steward, hold("A/backend")) == "granted"


async def test_the_line_has_an_end_and_the_holder_is_still_heard(harness: Harness) -> None:
    steward = await employ(harness.env.client)
    first = await open_run(harness, Severity.CRITICAL)
    await ask(steward, first)
    waiting = tuple(hold(f"B{number}/backend") for number in range(MOST_WAITING))
    for one in waiting:
        assert await ask(steward, one) == "queued"
    assert await ask(steward, hold("C/backend")) == "refused"
    assert await ask(steward, waiting[7], key="again") == "queued", "who waits keeps the place"
    assert await ask(steward, first, key="the holder again") == "granted"
    assert len((await book(steward)).waiting) == MOST_WAITING


async def test_no_order_of_any_size_fills_the_control_room(harness: Harness) -> None:
    room = await harness.env.client.start_workflow(
        CONTROL_ROOM, ControlRoomState(), id=CONTROL_ROOM_ID, task_queue=TASK_QUEUE
    )
    for number in range(50):
        await room.signal("order", {"key": f"{number}{LARGE}", "resume": {"by": "ada"}})
    state: ControlRoomState = await room.query("state", result_type=ControlRoomState)
    assert len(state.model_dump_json()) < FITS
