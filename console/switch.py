"""The kill switch: `suspend` and `resume`. Everybody may use it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from console.output import AsJson, By, as_json, out, run, safe, somebody, typed
from models.incident.stewardship import ControlRoomState, Switch
from models.messages import RESUME, STATE, SUSPEND
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, TASK_QUEUE
from runtime.connection import PATIENCE, connect
from runtime.errors import NoSuchIncident, in_time

app = typer.Typer()
SWITCH_WITHIN = timedelta(seconds=10)
Why = Annotated[
    str, typer.Option("--why", help="The reason, which every refused incident shows.", callback=typed)
]


@app.command()
def suspend(why: Why = "", by: By = "", json: AsJson = False) -> None:
    """Stop all new actions, of every incident, at once."""
    run(_set(SUSPEND, Switch(by=somebody(by), why=why), json))


@app.command()
def resume(why: Why = "", by: By = "", json: AsJson = False) -> None:
    """Allow actions again."""
    run(_set(RESUME, Switch(by=somebody(by), why=why), json))


async def read_switch(client: Client) -> ControlRoomState:
    """Whether actions are suspended; not when the kill switch was never used."""
    try:
        async with in_time(SWITCH_WITHIN, CONTROL_ROOM_ID):
            state: ControlRoomState = await client.get_workflow_handle(CONTROL_ROOM_ID).query(
                STATE, result_type=ControlRoomState, rpc_timeout=PATIENCE
            )
            return state
    except NoSuchIncident:
        return ControlRoomState()


async def _set(update: str, switch: Switch, json: bool) -> None:
    client = await connect()
    start: WithStartWorkflowOperation[object, object] = WithStartWorkflowOperation(
        CONTROL_ROOM,
        ControlRoomState(),
        id=CONTROL_ROOM_ID,
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    async with in_time(SWITCH_WITHIN, CONTROL_ROOM_ID):
        state: ControlRoomState = await client.execute_update_with_start_workflow(
            update,
            switch,
            start_workflow_operation=start,
            result_type=ControlRoomState,
            rpc_timeout=SWITCH_WITHIN,
        )
    if json:
        as_json(state)
    elif state.suspended:
        out.print(f"[red]Actions are suspended[/red] by {safe(state.by)}. Incidents still gather evidence.")
    else:
        out.print("Actions are allowed again.")
