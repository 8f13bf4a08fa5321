"""Orders the control room, without needing a worker, under the signature of who types."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client
from temporalio.service import RPCError

from console.shell.signing import refuse_not_taken, signer, word
from models.incident.stewardship import ControlRoomState, Ordered
from models.messages import CONTROL_ROOM_MEMO
from models.names import CONTROL_ROOM_ID
from runtime.connection import PATIENCE
from runtime.errors import in_time
from runtime.people.orders import TO_CONTROL_ROOM, send

TAKEN_WITHIN = timedelta(seconds=5)
LOOKS_EVERY = 0.1
"""Seconds."""
RECORDED = "recorded; holds from the moment a worker starts: no worker answered"


def key() -> str:
    """By which an order is taken once."""
    return uuid4().hex


async def order(client: Client, ordered: Ordered, by: str) -> ControlRoomState | None:
    """Order it, durably, and wait a moment until it is taken; `by` is how who types wants to be called.

    The state afterwards; None while no worker answers: then it holds as soon as one does. Raises
    TemporalAway, NoKey, and Refused where it did not count.
    """
    async with in_time(3 * PATIENCE):
        await send(client, TO_CONTROL_ROOM, ordered, word(by), signer())
    with contextlib.suppress(TimeoutError, RPCError):
        async with asyncio.timeout(TAKEN_WITHIN.total_seconds()):
            while True:
                state = await _by_memo(client)
                if state and ordered.key in state.heard:
                    return state
                refuse_not_taken(ordered.key, state.not_taken if state else ())
                await asyncio.sleep(LOOKS_EVERY)
    return None


async def _by_memo(client: Client) -> ControlRoomState | None:
    seen = await client.get_workflow_handle(CONTROL_ROOM_ID).describe(rpc_timeout=PATIENCE)
    state: ControlRoomState | None = await seen.memo_value(
        CONTROL_ROOM_MEMO, None, type_hint=ControlRoomState
    )
    return state
