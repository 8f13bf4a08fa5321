"""`doctor`: checks everything that the product needs, and names the cure of each problem."""

from __future__ import annotations

import asyncio

import httpx
import typer

from console.checks.schedule_checks import check_schedules_of_checks
from console.fire import Config
from console.output import AsJson, Exit, as_json, out, run, safe
from console.system_checks import system_checks
from models.configuration.configuration import Configuration
from runtime import settings
from runtime.connection import ConnectionMisconfigured, TemporalUnreachable, connect
from runtime.readiness import Check, check_search_attributes, check_temporal, check_version
from runtime.stuck_runs import check_runs

app = typer.Typer()


class Misconfigured(Check):
    """A mistake in the configuration, and not a system that is down."""


@app.command()
def doctor(config: Config = None, json: AsJson = False) -> None:
    """Check the configuration, Temporal, and every system that the configuration names."""
    read, configuration = _configuration(config)
    checks = [read, *run(_look(configuration))]
    if json:
        as_json({"ok": _healthy(checks), "checks": [check.model_dump(mode="json") for check in checks]})
    else:
        for check in checks:
            out.print(line_of(check))
    if any(isinstance(check, Misconfigured) for check in checks):
        raise typer.Exit(Exit.USAGE)
    if not _healthy(checks):
        raise typer.Exit(Exit.UNREACHABLE)


def line_of(check: Check) -> str:
    """`ok`, `problem` or `without`, and what to do."""
    if check.ok:
        return f"[green]ok[/green]       {safe(check.name)}"
    word = "[yellow]without[/yellow]" if check.optional else "[red]problem[/red]"
    cure = f". {safe(check.cure)}" if check.cure else ""
    return f"{word}  {safe(check.name)}: {safe(check.problem)}{cure}"


def _healthy(checks: list[Check]) -> bool:
    return all(check.ok or check.optional for check in checks)


def _configuration(config: Config) -> tuple[Check, Configuration | None]:
    path = settings.path_of(config)
    try:
        return Check(name=f"configuration {path}", ok=True), settings.load(path)
    except settings.ConfigurationError as error:
        problem = "; ".join(str(error).splitlines())
        return Misconfigured(name=f"configuration {path}", ok=False, problem=problem), None


async def _look(configuration: Configuration | None) -> list[Check]:
    async with httpx.AsyncClient(timeout=3, follow_redirects=False) as http:
        around = system_checks(configuration, http) if configuration else []
        temporal, *others = await asyncio.gather(_temporal(configuration), *around)
    return [*temporal, *others]


async def _temporal(configuration: Configuration | None) -> list[Check]:
    try:
        client = await connect()
    except ConnectionMisconfigured as error:
        return [Misconfigured(name="Temporal", ok=False, problem=str(error))]
    except TemporalUnreachable as error:
        return [Check(name="Temporal", ok=False, problem=str(error))]
    return [
        await check_temporal(client),
        await check_version(client),
        await check_search_attributes(client),
        await check_runs(client, named=True),
        *(await check_schedules_of_checks(client, configuration) if configuration else ()),
    ]
