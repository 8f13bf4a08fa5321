"""The kill switch: `suspend` and `resume`. Everybody may use it."""

from __future__ import annotations

from typing import Annotated

import typer

from console.control_room import RECORDED, key, order
from console.output import AsJson, By, as_json, out, run, safe, somebody, typed
from console.shell.examples import examples
from models.incident.stewardship import ControlRoomState, Ordered, Switch
from runtime.connection import connect

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
