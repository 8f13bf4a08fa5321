"""Commands that only read: `list`, `show`, `watch`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

import typer
from rich.live import Live

from console.incident_view import entry_line, question, table_of, whole
from console.output import AsJson, Id, as_json, out, run
from models.incident.incident import IncidentState, Phase
from runtime.connection import connect
from runtime.errors import NobodyAnswers
from runtime.incidents import Incidents, parse_id

app = typer.Typer()
QUERY_EVERY = timedelta(seconds=1)
MOST_UNANSWERED = 30
"""Failed queries in a row before `watch` gives up; a worker that is replaced misses a few."""


@app.command("list")
def list_(
    json: AsJson = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only open incidents.")] = False,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="The most incidents to list.")] = 50,
) -> None:
    """List open incidents, then those that closed last."""

    async def work() -> None:
        lines = await Incidents(await connect()).list(most, only_open=only_open)
        if json:
            as_json([line.model_dump(mode="json") for line in lines])
        elif lines:
            out.print(table_of(lines))
        else:
            out.print("No incidents.")

    run(work())


@app.command()
def show(incident: Id, json: AsJson = False) -> None:
    """Show one incident: its phase, its pending question, its timeline."""

    async def work() -> None:
        state = await Incidents(await connect()).state(parse_id(incident))
        if json:
            as_json(state)
        else:
            out.print(whole(state))

    run(work())


@app.command()
def watch(incident: Id, json: AsJson = False) -> None:
    """Follow one incident until it closes. With --json, print its final state."""

    async def work() -> None:
        name = parse_id(incident)
        incidents = Incidents(await connect())
        if json:
            as_json(await _until_closed(incidents, name, lambda _: None))
        elif out.is_terminal:
            with Live(console=out, auto_refresh=False) as live:
                await _until_closed(incidents, name, lambda seen: live.update(whole(seen), refresh=True))
        else:
            await _until_closed(incidents, name, _Lines())

    run(work())


class _Lines:
    """Prints each line of a timeline and each open question once, for a pipe or a log."""

    def __init__(self) -> None:
        self._printed = 0
        self._asked: tuple[str, ...] = ()
        self._phase: Phase | None = None

    def __call__(self, state: IncidentState) -> None:
        for entry in state.timeline[self._printed :]:
            out.print(entry_line(entry))
        self._printed = len(state.timeline)
        if state.phase is not self._phase:
            self._phase = state.phase
            out.print(f"phase: {state.phase.value}")
        asked = state.awaiting.digests if state.awaiting else ()
        if state.awaiting and asked != self._asked and state.phase is not Phase.CLOSED:
            out.print(question(state.id, state.awaiting))
        self._asked = asked


async def _until_closed(
    incidents: Incidents, name: str, seen: Callable[[IncidentState], None]
) -> IncidentState:
    """Query every second; tolerates a worker that is being replaced."""
    unanswered = 0
    while True:
        try:
            state = await incidents.state(name)
        except NobodyAnswers:
            unanswered += 1
            if unanswered >= MOST_UNANSWERED:
                raise
        else:
            unanswered = 0
            seen(state)
            if state.phase is Phase.CLOSED:
                return state
        await asyncio.sleep(QUERY_EVERY.total_seconds())
