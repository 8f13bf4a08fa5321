"""`schedules list|apply|pause|resume|run`: when the checks run."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from console.checks.scheduled import ScheduleLine, Schedules
from console.fire import Config
from console.output import AsJson, By, Exit, as_json, err, out, run, safe, somebody, typed
from console.shell.examples import examples
from models.checks.check import CheckName
from runtime import schedules, settings
from runtime.connection import connect
from runtime.schedules import Change

app = typer.Typer(help="When the checks run.", no_args_is_help=True)
Name = Annotated[CheckName, typer.Argument(help="The check.")]
Note = Annotated[str, typer.Argument(metavar="[TEXT]", help="The reason, for everybody.", callback=typed)]


@app.command("list", epilog=examples("schedules list"))
def list_(json: AsJson = False) -> None:
    """List the schedules: their calendars, pauses, last and next runs."""

    async def work() -> None:
        lines = await Schedules(await connect()).list()
        if json:
            as_json([line.model_dump(mode="json") for line in lines])
        else:
            out.print(_table(lines))

    run(work())


@app.command(epilog=examples("schedules apply"))
def apply(config: Config = None, json: AsJson = False) -> None:
    """Create, update and remove the schedules that differ from the configuration, as the worker does."""

    async def work() -> bool:
        configuration = settings.load(settings.path_of(config))
        done = await schedules.apply(await connect(), configuration)
        refused = [one for one in done if one.change is Change.REFUSED]
        if json:
            as_json([one.model_dump(mode="json") for one in done])
        else:
            for one in done:
                why = f" ({safe(one.why)})" if one.why and one not in refused else ""
                out.print(f"{safe(one.id)}: {one.change.value}{why}")
        for one in refused:
            err.print(f"[red]{safe(one.why)}[/red]")
        return bool(refused)

    if run(work()):
        raise typer.Exit(Exit.REFUSED)


@app.command(epilog=examples('schedules pause weekly "the disks are replaced"'))
def pause(check: Name, text: Note = "", by: By = "", json: AsJson = False) -> None:
    """Pause a schedule. It stays paused, whatever is applied, until it is resumed."""

    async def work() -> None:
        note = _noted(text or "no reason given", by)
        line = await Schedules(await connect()).pause(check, note)
        _show(line, f"{line.id} is paused: {line.note}", json)

    run(work())


@app.command(epilog=examples("schedules resume weekly"))
def resume(check: Name, text: Note = "", by: By = "", json: AsJson = False) -> None:
    """End the pause of a schedule."""

    async def work() -> None:
        line = await Schedules(await connect()).resume(check, _noted(text or "resumed", by))
        _show(line, f"{line.id} is not paused. Next: {_at(line.next_at)}", json)

    run(work())


@app.command("run", epilog=examples("schedules run daily"))
def run_(check: Name, json: AsJson = False) -> None:
    """Run a check now, by its schedule. While it runs already, there is no second run."""

    async def work() -> None:
        line, began = await Schedules(await connect()).run(check)
        named = line.last_run if began else ", ".join(line.running)
        _show(line, f"{'Began' if began else 'It runs already:'} {named}", json)

    run(work())


def _show(line: ScheduleLine, said: str, json: bool) -> None:
    if json:
        as_json(line)
    else:
        out.print(safe(said))


def _noted(text: str, by: str) -> str:
    return f"{somebody(by)}: {text}"


def _table(lines: tuple[ScheduleLine, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("CHECK", "WHEN", "LAST (UTC)", "NEXT (UTC)", "STATE"):
        table.add_column(heading, no_wrap=True)
    for line in lines:
        coming = "" if line.paused else _at(line.next_at)
        table.add_row(line.check.value, safe(line.when), _at(line.last_at), coming, _state(line))
    return table


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "never"


def _state(line: ScheduleLine) -> str:
    if not line.exists:
        return "[yellow]no schedule[/yellow]: not enabled, or not applied yet"
    if not line.ours:
        return "[red]not ours[/red]: somebody else's schedule has this ID"
    if line.paused:
        return f"[yellow]paused[/yellow]: {safe(line.note)}"
    return "running now" if line.running else "active"
