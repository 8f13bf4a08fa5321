"""The steward itself: asked twice, ordered twice, ordered by who does not hold, and its long life."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from models.actions.plan import Plan
from models.actions.service import StartService
from models.configuration.configuration import Configuration
from models.evidence.deployment import Deployment
from models.incident.order import DeploymentTold
from models.incident.search_attributes import ALL
from models.incident.stewardship import (
    AllowedBy,
    Answered,
    Ask,
    ControlRoomState,
    Hold,
    Order,
    Released,
    StewardState,
    Switch,
)
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, STEWARD, TASK_QUEUE, Severity
from runtime.people.orders import WORKER, send, to_steward
from tests.parts.product.signing import SIGNER
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION
from tests.workflows.harness import Harness, hosted
from tests.workflows.world import World
from workflows.record.timeline import RAW

BACKEND = Configuration.model_validate(CONFIGURATION).services["backend"]
PLAN = Plan(steps=(StartService(service=BACKEND),), why="it stands still")
STEWARD_ID = "steward/backend"

Steward = WorkflowHandle[object, object]


def hold(incident: str, severity: Severity = Severity.CRITICAL) -> Hold:
    return Hold(incident=incident, run_id=str(uuid4()), severity=severity, asked_at=sights.LONG_AGO)


async def open_run(harness: Harness, severity: Severity) -> Hold:
    """The hold of a run that Temporal knows to be open; any run will do."""
    room = await harness.env.client.start_workflow(
        CONTROL_ROOM, ControlRoomState(), id=f"{severity}/backend", task_queue=TASK_QUEUE
    )
    return hold(room.id, severity).model_copy(update={"run_id": room.result_run_id})


def order(by: Hold, key: str = "order") -> Order:
    return Order(key=key, incident=by.incident, run_id=by.run_id, plan=PLAN, approved_by="ada")


def released(by: Hold, *, healed: bool = True) -> Released:
    return Released(incident=by.incident, run_id=by.run_id, acted=True, healed=healed)


async def employ(client: Client) -> Steward:
    return await client.start_workflow(
        STEWARD, StewardState(service="backend"), id=STEWARD_ID, task_queue=TASK_QUEUE
    )


async def ask(steward: Steward, by: Hold, key: str = "", order: Order | None = None) -> str:
    """Ask as a retry does: under the same key, but not as the same update."""
    allowed_by = AllowedBy.PERSON if order else AllowedBy.POLICY
    question = Ask(key=key or by.run_id, service="backend", hold=by, order=order, allowed_by=allowed_by)
    answered: Answered = await steward.execute_update("ask", question, result_type=Answered)
    return answered.answer


async def give(steward: Steward, by: Hold, key: str = "order") -> str:
    """Ask with an order, each time as a new question."""
    return await ask(steward, by, key=str(uuid4()), order=order(by, key))


async def book(steward: Steward) -> StewardState:
    state: StewardState = await steward.query("state", result_type=StewardState)
    return state


async def test_the_same_question_twice_has_one_answer(harness: Harness) -> None:
    steward = await employ(harness.env.client)
    one, two = hold("A/backend"), hold("B/backend")
    assert await ask(steward, one) == "granted"
    assert [await ask(steward, two), await ask(steward, two)] == ["queued", "queued"]
    assert [one.incident for one in (await book(steward)).waiting].count("B/backend") <= 1
    assert await ask(steward, one) == "granted"


async def test_the_same_order_twice_is_done_once(harness: Harness) -> None:
    steward = await employ(harness.env.client)
    one = hold("A/backend")
    assert await give(steward, one) == await give(steward, one) == "granted"
    await harness.until_true(lambda: bool(harness.world.done))
    await give(steward, one)
    await harness.sleep(5)
    assert harness.world.done == ["start backend"]
    assert (await book(steward)).done_keys == ("order",)


async def test_who_does_not_hold_may_not_order(harness: Harness) -> None:
    steward = await employ(harness.env.client)
    one, two = hold("A/backend"), hold("B/backend")
    await ask(steward, one)
    assert await give(steward, two) == "queued"
    await harness.sleep(5)
    assert harness.world.done == []
    assert "start_service" not in harness.world.called


async def test_an_order_that_came_too_late_does_not_expose_who_acts(harness: Harness) -> None:
    steward = await employ(harness.env.client)
    mild, middle, severe = [await open_run(harness, one) for one in reversed(Severity)]
    await ask(steward, mild)
    assert await ask(steward, middle) == "granted"
    assert await give(steward, middle, "first") == "granted"
    assert await give(steward, mild, "late") == "queued"
    await harness.until_true(lambda: bool(harness.world.done))
    await harness.sleep(5)
    assert await ask(steward, severe) == "queued", "the holder acts until it lets go"
    assert harness.world.done == ["start backend"]


@pytest.mark.parametrize("said", [[], [7], [{"incident": "A/b"}]], ids=["nothing", "a number", "half of it"])
@pytest.mark.parametrize("signal", ["release", "deployed"])
async def test_a_raw_signal_with_other_input_breaks_nothing(
    harness: Harness, signal: str, said: list[object]
) -> None:
    steward = await employ(harness.env.client)
    await steward.signal(signal, args=said)
    assert await ask(steward, hold("A/backend")) == "granted"


async def test_the_most_severe_who_waits_is_next(harness: Harness) -> None:
    steward = await employ(harness.env.client)
    first, mild, severe = hold("A/b"), hold("B/b", Severity.INFO), hold("C/b", Severity.WARNING)
    for one in (first, mild, severe):
        await ask(steward, one)
    await steward.signal("release", released(first))
    holder = (await book(steward)).holder
    assert holder is not None
    assert holder.incident == "C/b"


@contextlib.asynccontextmanager
async def short_lives() -> AsyncIterator[tuple[Client, World]]:
    """A server that suggests a new run after some forty events; its clock is the real one."""
    server = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    environment = await WorkflowEnvironment.start_local(
        dev_server_existing_path=server,
        data_converter=pydantic_data_converter,
        search_attributes=ALL,
        dev_server_extra_args=["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=40"],
    )
    async with environment as env:
        world = World()
        configuration = Configuration.model_validate(CONFIGURATION)
        async with hosted(env.client, world, lambda: configuration):
            yield env.client, world


async def test_a_long_life_goes_on_in_a_new_run_with_the_same_book() -> None:
    async with short_lives() as (client, world):
        steward = await employ(client)
        first = (await steward.describe()).run_id
        one = hold("A/backend")
        await give(steward, one)
        for version in range(15):
            await steward.signal("deployed", deployment(version))
            await book(steward)
        before = await book(steward)
        assert (before.acting, before.done_keys) == (True, ("order",)), "nothing is lost while it acts"
        assert (await steward.describe()).run_id == first, "it does not move while somebody acts"
        await steward.signal("release", released(one, healed=False))
        after = await next_run(steward, first)
        assert after == before.model_copy(
            update={"holder": None, "acting": False, "failures": after.failures, "failed": 1}
        )
        assert len(after.failures) == 1
        await give(steward, one)
        await give(steward, one, "another")
        await settled(steward, "another")
        assert world.done == ["start backend", "start backend"], "the first order was not done again"


async def test_the_switch_stays_thrown_in_a_new_run() -> None:
    async with short_lives() as (client, _):
        room = await client.start_workflow(
            CONTROL_ROOM, ControlRoomState(), id=CONTROL_ROOM_ID, task_queue=TASK_QUEUE
        )
        first = (await room.describe()).run_id
        for turn in range(15):
            await room.execute_update("suspend", Switch(by="ada", why=f"turn {turn}"))
        assert (await room.describe()).run_id != first
        state: ControlRoomState = await room.query("state", result_type=ControlRoomState)
        assert (state.suspended, state.by, state.why) == (True, f"{RAW}, claims to be “ada”", "turn 14")


async def test_a_signature_counts_once_also_in_a_later_run() -> None:
    async with short_lives() as (client, _):
        steward = await employ(client)
        first = (await steward.describe()).run_id
        told = DeploymentTold.model_validate(dict(deployment(0)))
        signed = await send(client, to_steward("backend"), told, WORKER, SIGNER)
        for version in range(1, 15):
            await steward.signal("deployed", deployment(version))
            await book(steward)
        await ask(steward, hold("A/backend"))
        await steward.signal("release", released(hold("A/backend")))
        before = await next_run(steward, first)
        await steward.signal("deployed", signed)
        for _ in range(200):
            after = await book(steward)
            if after.not_taken:
                break
        assert [one.why for one in after.not_taken] == ["its signature was used already"]
        assert after.deployments == before.deployments


def deployment(version: int) -> Deployment:
    at = sights.LONG_AGO + timedelta(days=version)
    return Deployment(service="backend", version=f"backend:{version}", deployed_at=at)


async def next_run(steward: Steward, first: str) -> StewardState:
    """The book of the run that followed; queries wait for the server by themselves."""
    for _ in range(200):
        state = await book(steward)
        if (await steward.describe()).run_id != first:
            return state
    raise AssertionError("it never went on in a new run")


async def settled(steward: Steward, key: str) -> None:
    for _ in range(200):
        if key in (await book(steward)).done_keys:
            return
    raise AssertionError(f"the order {key} was never done")
