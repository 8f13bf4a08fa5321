"""The kill switch, `suspend` and `resume`; and how whatever is ordered of the control room gets there.

It needs no worker, and is signed as the word of who types.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Annotated
from uuid import uuid4

import typer
from temporalio.client import Client
from temporalio.service import RPCError

from console.output import AsJson, By, as_json, out, run, safe, somebody, typed
from console.shell.examples import examples
from console.signing import refuse_not_taken, signer, word
from models.incident.stewardship import ControlRoomState, Ordered, Switch
from models.messages import CONTROL_ROOM_MEMO
from models.names import CONTROL_ROOM_ID
from runtime.connection import PATIENCE, connect
from runtime.errors import in_time
from runtime.people.orders import TO_CONTROL_ROOM, send

TAKEN_WITHIN = timedelta(seconds=5)
LOOKS_EVERY = 0.1
"""Seconds."""
RECORDED = "recorded; holds from the moment a worker starts: no worker answered"

app = typer.Typer()
Why = Annotated[
    str, typer.Option("--why", help="The reason, which every paused incident shows.", callback=typed)
]


@app.command(epilog=examples('suspend --why "we are moving the database"'))
def suspend(why: Why = "", by: By = "", json: AsJson = False) -> None:
    """Stop all new actions at once: incidents look, and wait quietly until `resume`."""
    switch = Switch(by=somebody(by), why=why)
    said = "[red]Actions are suspended[/red] by {}. Incidents look, do nothing and call nobody."
    run(_turned(Ordered(key=key(), suspend=switch), by, said, json))


@app.command(epilog=examples("resume"))
def resume(why: Why = "", by: By = "", json: AsJson = False) -> None:
    """Allow actions again: every incident that waited looks again, and goes on."""
    switch = Switch(by=somebody(by), why=why)
    run(_turned(Ordered(key=key(), resume=switch), by, "Actions are allowed again.", json))


async def _turned(ordered: Ordered, by: str, said: str, json: bool) -> None:
    state = await order(await connect(), ordered, by)
    switch = ordered.suspend or ordered.resume
    assert switch is not None, "one of both is ordered"  # noqa: S101
    if json:
        meant = ControlRoomState(suspended=ordered.suspend is not None, by=switch.by, why=switch.why)
        as_json({**(state or meant).model_dump(mode="json"), "recorded": True, "in_force": state is not None})
    elif state is None:
        out.print(f"{'Suspend' if ordered.suspend else 'Resume'}: {RECORDED}.")
    else:
        out.print(said.format(safe(state.by)))


def key() -> str:
    """By which an order is taken once."""
    return uuid4().hex


async def order(client: Client, ordered: Ordered, by: str) -> ControlRoomState | None:
    """Order it, durably, and wait a moment until it is taken; `by` is how who types wants to be called.

    The state afterwards; None while no worker answers: then it holds as soon as one does. Raises
    TemporalAway, SecretMissing, and Refused where it did not count.
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
