"""`status`: everything that a person on call would look up by hand, one page a call, from any machine."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

import typer
from pydantic import ValidationError
from temporalio.client import Client, WorkflowFailureError

from console.maintenance import standing
from console.output import AsJson, Exit, Unusable, as_json, fail, out, run, safe, typed
from console.shell.completing import services
from console.shell.examples import examples
from models.checks.item import Item, ItemState, Table
from models.checks.status import StatusPart, StatusReport, StatusRequest
from models.incident.incident import Phase
from models.incident.stewardship import ControlRoomState
from models.names import STATUS, TASK_QUEUE
from models.text import plain
from runtime.connection import PATIENCE, connect
from runtime.errors import NobodyAnswers, in_time
from runtime.incidents import Incidents, Which, control_room

app = typer.Typer()
ANSWER_WITHIN = timedelta(seconds=40)
AGAIN_AFTER = 5.0
"""Seconds between two pages of `--watch`."""
INDENT = " " * 10
WIDEST = 60
"""Characters that a column is padded to."""
COLOURS = {
    ItemState.OK: "green",
    ItemState.ATTENTION: "yellow",
    ItemState.BAD: "red",
    ItemState.UNKNOWN: "magenta",
}


@app.command(epilog=examples("status", "status logs --service backend --search timeout"))
def status(
    part: Annotated[
        StatusPart | None, typer.Argument(help="One page with its details; by default a line of each item.")
    ] = None,
    service: Annotated[
        str, typer.Option("--service", help="Only this service.", callback=typed, autocompletion=services)
    ] = "",
    search: Annotated[
        list[str] | None,
        typer.Option("--search", help="Search the logs for this; may be repeated.", callback=typed),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every few seconds.")] = False,
    json: AsJson = False,
) -> None:
    """Show services, monitoring, logs, databases and workflows. Exits with 1 when something is bad."""
    if watch and json:
        fail(Unusable("--watch prints page after page, and --json one document: leave one of them out"))
    request = _request(part, service, tuple(search or ()))

    async def work() -> ItemState:
        client = await connect()
        while True:
            state = await _shown(client, request, details=part is not None, json=json)
            if not watch:
                return state
            await asyncio.sleep(AGAIN_AFTER)
            if out.is_terminal:
                out.clear()

    if run(work()) is ItemState.BAD:
        raise typer.Exit(Exit.FAILED)


def _request(part: StatusPart | None, service: str, words: tuple[str, ...]) -> StatusRequest:
    parts = (part,) if part else tuple(StatusPart)
    try:
        return StatusRequest(parts=parts, service=service, words=words)
    except ValidationError:
        fail(Unusable("--search: write two to a hundred characters, at most twenty times"))


async def _shown(client: Client, request: StatusRequest, *, details: bool, json: bool) -> ItemState:
    """Print the page. The overview begins with what is known without a worker."""
    asking = asyncio.create_task(ask(client, request))
    try:
        known = None if details else await _known(client)
        if known and not json:
            out.print(*_head(*known), sep="\n")
        report = await asking
    finally:
        asking.cancel()
    if report.mistake:
        raise Unusable(report.mistake)
    if json:
        as_json(
            {**(_document(*known) if known else {}), **report.model_dump(mode="json"), "state": report.state}
        )
    else:
        for line in _page(report, details=details):
            out.print(line)
    return report.state


async def ask(client: Client, request: StatusRequest) -> StatusReport:
    """Have a worker look at everything. Raises NobodyAnswers and TemporalAway."""
    name = f"check/status-{uuid4().hex[:12]}"
    try:
        async with in_time(ANSWER_WITHIN, name):
            handle = await client.start_workflow(
                STATUS,
                request,
                id=name,
                task_queue=TASK_QUEUE,
                result_type=StatusReport,
                execution_timeout=2 * ANSWER_WITHIN,
                static_summary="status, asked for by a person",
                rpc_timeout=PATIENCE,
            )
            report: StatusReport = await handle.result()
    except WorkflowFailureError as error:
        raise NobodyAnswers(f"{name} did not end well: {plain(str(error.cause), 200)}") from error
    return report


async def _known(client: Client) -> tuple[dict[str, int], ControlRoomState]:
    lines = await Incidents(client).list(1000, Which(open=True))
    phases = {phase.value: sum(line.phase == phase.value for line in lines) for phase in Phase}
    return phases, await control_room(client)


def _document(phases: dict[str, int], room: ControlRoomState) -> dict[str, Any]:
    return {"open": sum(phases.values()), "phases": phases, "control_room": room.model_dump(mode="json")}


def _head(phases: dict[str, int], room: ControlRoomState) -> list[str]:
    told = ", ".join(f"{count} {phase}" for phase, count in phases.items() if count)
    incidents = f"{sum(phases.values())} open" + (f": {told}" if told else "")
    allowed = [] if room.suspended else ["Actions are allowed."]
    return [incidents, *allowed, *standing(room, datetime.now(UTC))]


def _page(report: StatusReport, *, details: bool) -> list[str]:
    lines: list[str] = []
    for section in report.sections:
        lines.append(f"\n[bold]{section.part.value.upper()}[/bold]")
        if not section.items:
            lines.append("nothing of this is configured")
        for item in section.items:
            lines.append(_line(item))
            lines += _details(item) if details else []
    return lines


def _line(item: Item) -> str:
    state = item.found.state
    return (
        f"[{COLOURS[state]}]{state.value:9}[/{COLOURS[state]}] {safe(item.name)}: {safe(item.found.reason)}"
    )


def _details(item: Item) -> list[str]:
    """Whole lines, however long: a table that is folded can be neither read nor searched."""
    found = item.found
    lines = [*found.details, *(line for table in found.tables for line in _rows(table))]
    return [
        *(f"{INDENT}{safe(one)}" for one in lines),
        *([f"{INDENT}[dim]{safe(found.link)}[/dim]"] if found.link else []),
    ]


def _rows(table: Table) -> list[str]:
    rows = [tuple(map(str.upper, table.columns)), *table.rows]
    widths = [
        min(WIDEST, max(len(row[n]) for row in rows if n < len(row))) for n in range(len(table.columns))
    ]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]
