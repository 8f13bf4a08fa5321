"""The kill switch and maintenance windows, set and reset as the commands do it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from models.incident.maintenance import EndWindow, Window
from models.incident.stewardship import ControlRoomState, Ordered, Switch
from models.messages import ORDER, RESUME, STATE, SUSPEND
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, TASK_QUEUE
from tests.workflows.harness import Harness


async def suspend(harness: Harness, by: str, why: str) -> ControlRoomState:
    return await _turn(harness, SUSPEND, Switch(by=by, why=why))


async def resume(harness: Harness, by: str) -> ControlRoomState:
    return await _turn(harness, RESUME, Switch(by=by))


async def begin(harness: Harness, lasts: timedelta = timedelta(hours=1), **fields: Any) -> Window:
    """A window that begins now by the server's clock, unless `fields` say otherwise."""
    of = {"id": "w", "begins": await harness.now(), "lasts": lasts, "by": "ada", "why": "a migration"}
    window = Window.model_validate({**of, **fields})
    await order(harness, begin=window)
    return window


async def end(harness: Harness, window: str = "w", *, for_good: bool = False) -> None:
    await order(harness, end=EndWindow(id=window, for_good=for_good))


async def order(harness: Harness, **what: Any) -> None:
    """As the commands do it, without a worker's answer."""
    ordered = Ordered(key=uuid4().hex, **what)
    room = await harness.env.client.start_workflow(
        CONTROL_ROOM,
        ControlRoomState(),
        id=CONTROL_ROOM_ID,
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=ORDER,
        start_signal_args=[ordered],
    )
    state: ControlRoomState = await room.query(STATE, result_type=ControlRoomState)
    assert ordered.key in state.heard


async def _turn(harness: Harness, update: str, switch: Switch) -> ControlRoomState:
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        CONTROL_ROOM,
        ControlRoomState(),
        id=CONTROL_ROOM_ID,
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    state: ControlRoomState = await harness.env.client.execute_update_with_start_workflow(
        update, switch, start_workflow_operation=start, result_type=ControlRoomState
    )
    return state
