"""A control room and a steward that hear orders, on a real Temporal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from models.incident.incident import Through
from models.incident.maintenance import Window
from models.incident.order import DeploymentTold, OrderSaid
from models.incident.stewardship import ControlRoomState, Ordered, StewardState, Switch
from models.messages import ORDER, STATE
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, STEWARD, TASK_QUEUE, steward_id
from runtime.people.orders import TO_CONTROL_ROOM, send
from runtime.people.signing import Signer
from tests.integration.people.test_forgeries import Product
from tests.parts.product.signing import SIGNER
from tests.workflows.harness import Incident, hosted

ADA = OrderSaid(by="ada", through=Through.INTAKE)
SUSPEND = Switch(by="mallory", why="a fire")
ROOM = "control-room"


@pytest.fixture
async def product(server: WorkflowEnvironment) -> AsyncIterator[Product]:
    """With a control room and a steward of its own."""
    product, client = Product(server.client), server.client
    async with hosted(client, product.world, lambda: product.configuration):
        await client.start_workflow(
            CONTROL_ROOM, ControlRoomState(), id=CONTROL_ROOM_ID, task_queue=TASK_QUEUE
        )
        await client.start_workflow(
            STEWARD, StewardState(service="backend"), id=steward_id("backend"), task_queue=TASK_QUEUE
        )
        yield product
    for name in (CONTROL_ROOM_ID, steward_id("backend")):
        with suppress(RPCError):
            await client.get_workflow_handle(name).terminate("the test is over")


def room_of(product: Product) -> Incident:
    return product.client.get_workflow_handle(CONTROL_ROOM_ID)


def steward_of(product: Product) -> Incident:
    return product.client.get_workflow_handle(steward_id("backend"))


async def room(product: Product, true: Callable[[ControlRoomState], bool]) -> ControlRoomState:
    """The control room as it is when this is true of it, within a minute."""
    end = time.monotonic() + 60
    while True:
        state: ControlRoomState = await room_of(product).query(STATE, result_type=ControlRoomState)
        if true(state):
            return state
        assert time.monotonic() < end, state
        await asyncio.sleep(0.02)  # between two looks of a bounded wait


async def book(product: Product, true: Callable[[StewardState], bool]) -> StewardState:
    """The same of the steward."""
    end = time.monotonic() + 60
    while True:
        state: StewardState = await steward_of(product).query(STATE, result_type=StewardState)
        if true(state):
            return state
        assert time.monotonic() < end, state
        await asyncio.sleep(0.02)  # between two looks of a bounded wait


def ordered(**what: Any) -> Ordered:
    return Ordered(key=uuid4().hex, **what)


def window(name: str = "w") -> Window:
    return Window(
        id=name, service="backend", begins=datetime.now(UTC), lasts=timedelta(hours=1), by="mallory", why="x"
    )


def version(number: int) -> DeploymentTold:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
    return DeploymentTold(
        service="backend", version=f"backend:{number}", deployed_at=at, healthy_at=at, current=True
    )


async def takes(product: Product, one: Ordered) -> ControlRoomState:
    """Send it as it is; the state once it was heard."""
    before = await room(product, lambda state: True)
    await room_of(product).signal(ORDER, one)
    return await room(product, lambda state: one.key in state.heard or state.not_taken != before.not_taken)


def heard(state: ControlRoomState, one: Ordered) -> bool:
    """Whether it was taken or refused."""
    return one.key in (*state.heard, *(refused.key for refused in state.not_taken))


async def signed(product: Product, one: Ordered, said: OrderSaid = ADA, signer: Signer = SIGNER) -> Ordered:
    """Sent under a signature, and taken or refused."""
    sent = await send(product.client, TO_CONTROL_ROOM, one, said, signer)
    await room(product, lambda state: heard(state, one))
    return sent
