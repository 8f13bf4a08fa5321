"""Commands that only read: `list`, `show`."""

from __future__ import annotations

import contextlib
import difflib
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from temporalio.client import Client

from console.incident_view import table_of, whole
from console.maintenance import standing
from console.output import AsJson, Id, Run, Unusable, as_json, err, out, run, typed
from console.shell.completing import services
from console.shell.examples import examples
from intake.alerts.payload import why
from models.base import Interval
from models.configuration.known_services import known
from models.incident.incident import IncidentState
from models.text import plain
from runtime import settings
from runtime.connection import connect
from runtime.errors import NobodyAnswers, NoSuchIncident
from runtime.incidents import IncidentLine, Incidents, Which, control_room, parse_id
from runtime.overview.listed import count_of
from runtime.past.runs import chosen, runs_of
from runtime.store.database import StoreAway
from runtime.store.forgotten import forgotten_state, with_forgotten
from runtime.store.opening import database_of
from workflows.diagnosis.causes import UNKNOWN
from workflows.lessons.cause_rows import cause_rows
from workflows.runbooks.classes import every_runbook

app = typer.Typer()
_DURATION: TypeAdapter[timedelta] = TypeAdapter(Interval)


@app.command(
    "list",
    epilog=examples(
        "list --open",
        "list --closed --since 7d --service backend --cause crash",
    ),
)
def list_(
    json: AsJson = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only open incidents.")] = False,
    only_closed: Annotated[bool, typer.Option("--closed", help="Only closed incidents.")] = False,
    since: Annotated[
        str,
        typer.Option("--since", help="Open, or closed since: 7d, 12h, 30m.", callback=typed),
    ] = "",
    service: Annotated[
        str, typer.Option("--service", help="About this service.", callback=typed, autocompletion=services)
    ] = "",
    cause: Annotated[str, typer.Option("--cause", help="Closed with this cause.", callback=typed)] = "",
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="The most incidents to list.")] = 50,
) -> None:
    """List open incidents, then those that closed last."""

    async def work() -> None:
        which = _which(only_open, only_closed, since, service, cause)
        client = await connect()
        lines = await Incidents(client).list(most, which)
        left_out = await count_of(client, which) - most if len(lines) == most else 0
        if only_closed:
            lines = await _with_stored(lines, which, most)
        if left_out > 0:
            err.print(f"{left_out} more not shown: write --most, at most 1000, or narrow it", style="yellow")
        if service and not lines:
            _refuse_unknown(service)
        if json:
            as_json([line.model_dump(mode="json") for line in lines])
            return
        for line in standing(await control_room(client), datetime.now(UTC)):
            out.print(line)
        if lines:
            out.print(table_of(lines))
        else:
            out.print("No incidents.")

    run(work())


def _refuse_unknown(service: str) -> None:
    """Nothing was found of it: is it a typo? Where no configuration can be read, nobody knows."""
    with contextlib.suppress(settings.ConfigurationError):
        known(service, settings.load(settings.path_of()))


def _which(only_open: bool, only_closed: bool, since: str, service: str, cause: str) -> Which:
    if only_open and only_closed:
        raise Unusable("--open and --closed: write one of them, or none for both")
    known = {row.name for runbook in every_runbook() for row in cause_rows(runbook)} | {UNKNOWN.name}
    if cause and cause not in known:
        near = difflib.get_close_matches(cause, known)
        did_you_mean = f": did you mean {' or '.join(near)}?" if near else "; docs/runbooks lists them"
        raise Unusable(f"--cause {plain(cause)}: no runbook has this cause{did_you_mean}")
    try:
        within = _DURATION.validate_python(since) if since else None
    except ValidationError as error:
        raise Unusable(f"--since {plain(since)}: {why(error)}") from None
    began = datetime.now(UTC) - within if within else None
    return Which(open=only_open, closed=only_closed, since=began, service=service, cause=cause)


@app.command(epilog=examples("show ServiceDown/backend"))
def show(incident: Id, run_: Run = "", json: AsJson = False) -> None:
    """Show one incident: its phase, its pending question, what was found, its timeline."""

    async def work() -> None:
        name, client = parse_id(incident), await connect()
        try:
            state = await _state(client, name, run_)
        except NobodyAnswers as error:
            again = f" --run {run_}" if run_ else ""
            raise NobodyAnswers(
                f"{error}\nThe review of a closed one: starter.py review {name}{again}"
            ) from None
        if json:
            as_json(state)
        else:
            out.print(whole(state))

    run(work())


async def _state(client: Client, name: str, which: str) -> IncidentState:
    """By Temporal, else by the store."""
    try:
        run_id = None
        if which:
            runs = await runs_of(client, name)
            run_id = runs[chosen(which, [one.line.run_id for one in runs], name)].line.run_id
        return await Incidents(client).state(name, run_id)
    except NoSuchIncident as error:
        try:
            return await forgotten_state(database_of(settings.load(settings.path_of())), name, which)
        except (settings.ConfigurationError, NoSuchIncident, StoreAway):
            raise error from None


async def _with_stored(lines: tuple[IncidentLine, ...], which: Which, most: int) -> tuple[IncidentLine, ...]:
    """Also those that Temporal has forgotten; what it lists needs no store."""
    try:
        return await with_forgotten(database_of(settings.load(settings.path_of())), lines, which, most)
    except (settings.ConfigurationError, StoreAway) as error:
        err.print(
            f"without the incidents that only the store has: {plain(str(error))}",
            style="yellow",
            markup=False,
        )
        return lines
