"""A real server refuses the signals of a run from the ten-thousandth on: an incident goes on in a new one."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.incident.announcement import Occasion
from models.incident.incident import IncidentState, Outcome, Spoken
from models.incident.review import Review
from models.incident.search_attributes import ALL
from models.names import TASK_QUEUE
from tests.parts.product.signing import tell as say
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION
from tests.workflows.harness import Incident, hosted
from tests.workflows.world import World
from workflows.runbooks.registry import NAMES

BATCHES, BATCH = 100, 80
ALONE = 12_000
AT_ONCE = 20


@pytest.fixture
async def real() -> AsyncIterator[tuple[Client, World]]:
    """A server whose limits and clock are the real ones, with a worker in a scripted world."""
    server = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=server, data_converter=pydantic_data_converter, search_attributes=ALL
    )
    async with environment as env:
        world = World()
        configuration = Configuration.of(CONFIGURATION, NAMES)
        async with hosted(env.client, world, lambda: configuration):
            yield env.client, world


async def state_of(incident: Incident) -> IncidentState:
    state: IncidentState = await incident.query("state", result_type=IncidentState)
    return state


async def until(incident: Incident, true: Callable[[IncidentState], bool]) -> IncidentState:
    """The incident as it is when this is true of it, within a minute."""
    end = time.monotonic() + 60
    while not true(state := await state_of(incident)):
        assert time.monotonic() < end, state
    return state


async def tell(incident: Incident, alerts: list[Alert]) -> None:
    """As the intake does: what is refused is sent again."""
    for _ in range(400):
        try:
            await incident.signal("alert_changed", args=alerts)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.2)  # it is full, for the moment
        else:
            return
    raise AssertionError("it could not be told")


async def tell_all(notify: Callable[[], Awaitable[None]], times: int) -> None:
    left = iter(range(times))

    async def one_after_another() -> None:
        for _ in left:
            await notify()

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


async def test_an_open_incident_is_told_more_often_than_one_run_may_be_and_still_answers(
    real: tuple[Client, World],
) -> None:
    client, world = real
    world.port = sights.TAKEN_PORT
    alert = Alert(name="ServiceDown", service="backend", starts_at=sights.LONG_AGO)
    await client.start_workflow("ServiceDown", alert, id=alert.incident_id, task_queue=TASK_QUEUE)
    incident: Incident = client.get_workflow_handle(alert.incident_id, result_type=Review)
    first = (await incident.describe()).run_id
    await until(incident, lambda state: state.awaiting is not None)
    await say(incident, "acknowledge", Spoken(by="ada"))
    before = await until(incident, lambda state: "approval to" in state.timeline[-1].text or bool(world.told))
    pages = world.pages()

    await tell_all(lambda: tell(incident, [alert]), ALONE)
    await tell_all(lambda: tell(incident, [alert] * BATCH), BATCHES)

    end = time.monotonic() + 60
    while (await incident.describe()).run_id == first:
        assert time.monotonic() < end, "it never went on in a new run"
        await asyncio.sleep(0.5)  # between two looks of a bounded wait
    after = await state_of(incident)
    assert (after.acknowledged_by, after.awaiting) == ("ada", before.awaiting)
    assert world.pages() == pages, "nobody is paged twice"
    assert [one.occasion for one in world.told].count(Occasion.APPROVAL) == 1
    await say(incident, "done", Spoken(by="ada"))
    review = await asyncio.wait_for(incident.result(), 60)
    assert review.outcome is Outcome.CLOSED_BY_HUMAN
    assert world.done == []
