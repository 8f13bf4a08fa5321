"""The kill switch, set and reset as the commands do it."""

from __future__ import annotations

from typing import Any

from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from models.incident.stewardship import ControlRoomState, Switch
from models.messages import RESUME, SUSPEND
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, TASK_QUEUE
from tests.workflows.harness import Harness


async def suspend(harness: Harness, by: str, why: str) -> ControlRoomState:
    return await _turn(harness, SUSPEND, Switch(by=by, why=why))


async def resume(harness: Harness, by: str) -> ControlRoomState:
    return await _turn(harness, RESUME, Switch(by=by))


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
