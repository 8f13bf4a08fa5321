"""Orders the control room, without needing a worker."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from models.incident.stewardship import ControlRoomState, Ordered
from models.messages import CONTROL_ROOM_MEMO, ORDER
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, TASK_QUEUE
from runtime.connection import PATIENCE
from runtime.errors import in_time

TAKEN_WITHIN = timedelta(seconds=5)
LOOKS_EVERY = 0.1
"""Seconds."""
RECORDED = "recorded; holds from the moment a worker starts: no worker answered"


def key() -> str:
    """By which an order is taken once."""
    return uuid4().hex


async def order(client: Client, ordered: Ordered) -> ControlRoomState | None:
    """Order it, durably, and wait a moment until it is taken.

    The state afterwards; None while no worker answers: then it holds as soon as one does. Raises
    TemporalAway.
    """
    async with in_time(PATIENCE):
        await client.start_workflow(
            CONTROL_ROOM,
            ControlRoomState(),
            id=CONTROL_ROOM_ID,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=ORDER,
            start_signal_args=[ordered],
            static_summary="suspend, resume, maintenance windows",
            rpc_timeout=PATIENCE,
        )
    with contextlib.suppress(TimeoutError, RPCError):
        async with asyncio.timeout(TAKEN_WITHIN.total_seconds()):
            while True:
                state = await _by_memo(client)
                if state and ordered.key in state.heard:
                    return state
                await asyncio.sleep(LOOKS_EVERY)
    return None


async def _by_memo(client: Client) -> ControlRoomState | None:
    seen = await client.get_workflow_handle(CONTROL_ROOM_ID).describe(rpc_timeout=PATIENCE)
    state: ControlRoomState | None = await seen.memo_value(
        CONTROL_ROOM_MEMO, None, type_hint=ControlRoomState
    )
    return state
