"""Anybody may send anything: no message, whatever is in it, breaks a run of any workflow type.

Every signal and update of every registered workflow is found by reflection: a new one is tried too.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, get_type_hints

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError

from models.incident.alert import Alert
from models.incident.so_far import Opened
from models.incident.stewardship import StewardState
from models.names import TASK_QUEUE
from tests.workflows import sights
from tests.workflows.harness import Harness, open_harness
from workflows.incident.runbook import Runbook
from workflows.runbooks.classes import WORKFLOWS

INPUTS: dict[str, list[Any]] = {
    "nothing": [],
    "null": [None],
    "a number": [7],
    "a text": ["yes"],
    "a list": [[1, "two"]],
    "half of it": [{"incident": 7, "service": "x", "status": "resolved"}],
    "a time without a zone": [{"service": "x", "version": "v2", "deployed_at": "2026-01-05T03:00:00"}],
    "two": ["yes", {"by": "ada"}],
    "three": [1, 2, 3],
}
BOUND = timedelta(seconds=5)
"""A run that is broken answers nothing."""
ENDS_IT = "done"
"""The last to be said, for it is taken whatever comes with it."""

definitions = {one: workflow._Definition.must_from_class(one) for one in WORKFLOWS}
SIGNALS = [
    pytest.param(one, name, id=f"{one.__name__}.{name}")
    for one, definition in definitions.items()
    for name in definition.signals
    if name
]
UPDATES = [
    pytest.param(one, name, id=f"{one.__name__}.{name}")
    for one, definition in definitions.items()
    for name in definition.updates
    if name
]
numbers = itertools.count()


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Harness]:
    """One for all: each test has a run of its own."""
    async with open_harness() as harness:
        yield harness


async def open_run(harness: Harness, kind: type[Any]) -> WorkflowHandle[Any, Any]:
    """A run of this kind that stays open: an alert about a service that nobody knows waits for a person."""
    service = f"nobody-knows-{next(numbers)}"
    takes = get_type_hints(kind.run)
    takes.pop("return")
    (model,) = takes.values()
    made: dict[type[Any], Any] = {
        Opened: Alert(name=kind.__name__, service=service, starts_at=sights.LONG_AGO),
        StewardState: StewardState(service=service),
    }
    return await harness.env.client.start_workflow(
        kind.__name__, made[model] if model in made else model(), id=service, task_queue=TASK_QUEUE
    )


async def failed_tasks(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """Why Temporal had to try a task of this run again."""
    return [
        event.workflow_task_failed_event_attributes.failure.message
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]


async def lives(handle: WorkflowHandle[Any, Any]) -> bool:
    """Whether it answers, and never failed."""
    await handle.query("state", rpc_timeout=BOUND)
    return await failed_tasks(handle) == []


@pytest.mark.parametrize(("kind", "signal"), SIGNALS)
async def test_no_signal_breaks_a_run(server: Harness, kind: type[Any], signal: str) -> None:
    handle = await open_run(server, kind)
    inputs = INPUTS.values() if signal != ENDS_IT else [INPUTS["two"], INPUTS["three"], INPUTS["a number"]]
    for said in inputs:
        await handle.signal(signal, args=said)
    assert await lives(handle)


@pytest.mark.parametrize(("kind", "update"), UPDATES)
async def test_no_update_breaks_a_run(server: Harness, kind: type[Any], update: str) -> None:
    handle = await open_run(server, kind)
    for said in INPUTS.values():
        try:
            await handle.execute_update(update, args=said, rpc_timeout=BOUND)
        except WorkflowUpdateFailedError as refused:
            assert refused.cause is not None
    assert await lives(handle)


@pytest.mark.parametrize("kind", [one for one in WORKFLOWS if issubclass(one, Runbook)])
async def test_a_signal_that_cannot_be_taken_is_noted(server: Harness, kind: type[Any]) -> None:
    handle = await open_run(server, kind)
    await handle.signal("note", args=["one", "two"])
    await handle.signal("alert_changed")
    noted = [entry.text for entry in (await server.state(handle)).timeline]
    assert any(text.startswith("the signal note was ignored") for text in noted)
    assert "a notification was ignored: its input is not an alert" in noted
