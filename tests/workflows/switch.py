"""The kill switch and maintenance windows, set and reset as the commands do it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from models.incident.incident import Through
from models.incident.maintenance import EndWindow, Window
from models.incident.order import OrderSaid
from models.incident.stewardship import ControlRoomState, Ordered, Switch
from models.messages import STATE
from models.names import CONTROL_ROOM_ID
from runtime.people.orders import TO_CONTROL_ROOM, send
from tests.parts.product.signing import SIGNER
from tests.workflows.harness import Harness, patience


async def suspend(harness: Harness, by: str, why: str) -> None:
    await order(harness, by=by, suspend=Switch(by=by, why=why))


async def resume(harness: Harness, by: str) -> None:
    await order(harness, by=by, resume=Switch(by=by))


async def begin(harness: Harness, lasts: timedelta = timedelta(hours=1), **fields: Any) -> Window:
    """A window that begins now by the server's clock, unless `fields` say otherwise."""
    of = {"id": "w", "begins": await harness.now(), "lasts": lasts, "by": "ada", "why": "a migration"}
    window = Window.model_validate({**of, **fields})
    await order(harness, window.by, begin=window)
    return window


async def end(harness: Harness, window: str = "w", *, for_good: bool = False) -> None:
    await order(harness, end=EndWindow(id=window, for_good=for_good))


async def order(harness: Harness, by: str = "ada", **what: Any) -> None:
    """Under the signature of its person, as the commands do it."""
    client, ordered = harness.env.client, Ordered(key=uuid4().hex, **what)
    await send(client, TO_CONTROL_ROOM, ordered, OrderSaid(by=by, through=Through.COMMAND), SIGNER)
    room = client.get_workflow_handle(CONTROL_ROOM_ID)
    for _ in patience():
        state: ControlRoomState = await room.query(STATE, result_type=ControlRoomState)
        if ordered.key in state.heard:
            break
        await asyncio.sleep(0.01)  # between two looks of a bounded wait
    assert (ordered.key in state.heard, state.not_taken) == (True, ())
