"""`check daily|weekly|monthly`: run a check now, or show what its last run found."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import typer
from temporalio.client import Client, WorkflowExecution, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from console.checks.report_view import lines_of
from console.output import AsJson, By, Exit, as_json, err, out, run, safe, somebody
from console.shell.examples import examples
from models.checks.check import CheckName, CheckReport, CheckRequest
from models.checks.item import ItemState
from models.names import TASK_QUEUE, check_id
from models.text import plain
from runtime.connection import PATIENCE, connect
from runtime.errors import NobodyAnswers, NoReport, in_time
from workflows.checks.registry import CHECKS

app = typer.Typer()
TAKEN_WITHIN = timedelta(seconds=10)
"""A worker that runs has taken it by then."""
LONGEST = timedelta(days=1)
"""For how long its end is waited for."""
NOT_TAKEN_YET = 2
"""Events of a run that no worker has seen: it was started, and its first task scheduled."""


@app.command(epilog=examples("check daily", "check weekly --last"))
def check(
    name: Annotated[CheckName, typer.Argument(help="The check.")],
    latest: Annotated[bool, typer.Option("--last/--now", help="Show what the last run found.")] = False,
    by: By = "",
    json: AsJson = False,
) -> None:
    """Run a check and show what it finds. Exits with 1 when something is bad."""

    async def work() -> CheckReport:
        client = await connect()
        report = await (last(client, name) if latest else now(client, name, somebody(by)))
        if json:
            as_json({**report.model_dump(mode="json"), "state": report.state.value})
        else:
            for line in lines_of(report):
                out.print(line)
        return report

    if run(work()).state is ItemState.BAD:
        raise typer.Exit(Exit.FAILED)


async def now(
    client: Client, name: CheckName, by: str, taken_within: timedelta = TAKEN_WITHIN
) -> CheckReport:
    """The report of a new run, or of the one that is open, by its schedule or by somebody else.

    Raises NobodyAnswers when no worker takes it within this time, NoReport when it fails, and TemporalAway.
    """
    open_one = await newest(client, name, "ExecutionStatus = 'Running'")
    async with in_time(PATIENCE):
        if open_one:
            handle = _handle(client, open_one)
            _say(f"It runs already, since {open_one.start_time:%H:%M:%S} UTC, as {open_one.id}.")
        else:
            handle = await client.start_workflow(
                CHECKS[name].__name__,
                CheckRequest(name=name, by=by),
                id=check_id(name),
                task_queue=TASK_QUEUE,
                result_type=CheckReport,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"the {name.value} check, asked for by {plain(by, 100)}",
                rpc_timeout=PATIENCE,
            )
            _say(f"Began {handle.id}. It goes on if you do not wait for it.")
    return await _finished(handle, name, taken_within)


async def _finished(
    handle: WorkflowHandle[object, CheckReport], name: CheckName, taken_within: timedelta
) -> CheckReport:
    result = asyncio.create_task(_report(handle, name))
    try:
        await asyncio.wait({result}, timeout=taken_within.total_seconds())
        if not result.done():
            async with in_time(PATIENCE):
                seen = await handle.describe(rpc_timeout=PATIENCE)
            if seen.history_length <= NOT_TAKEN_YET:
                asked = "is `python worker.py` running? It begins when one does"
                raise NobodyAnswers(f"no worker has taken {handle.id} yet: {asked}")
        return await result
    finally:
        result.cancel()


async def last(client: Client, name: CheckName) -> CheckReport:
    """Of the newest run that ended. Raises NoReport when it failed, or when there is none."""
    if open_one := await newest(client, name, "ExecutionStatus = 'Running'"):
        _say(f"A newer run is open since {open_one.start_time:%Y-%m-%d %H:%M:%S} UTC: {open_one.id}")
    closed = await newest(client, name, "ExecutionStatus != 'Running'")
    if closed is None:
        kept = "or so long ago that Temporal does not keep it any more"
        raise NoReport(f"the {name.value} check has never run, {kept}: `check {name.value} --now` runs it")
    return await _report(_handle(client, closed), name)


async def newest(client: Client, name: CheckName, which: str) -> WorkflowExecution | None:
    """The newest run of a check of which a query is true."""
    query = f"WorkflowType = '{CHECKS[name].__name__}' AND {which}"
    async with in_time(PATIENCE):
        found = [one async for one in client.list_workflows(query, limit=1, rpc_timeout=PATIENCE)]
    return found[0] if found else None


def _handle(client: Client, one: WorkflowExecution) -> WorkflowHandle[object, CheckReport]:
    return client.get_workflow_handle(one.id, run_id=one.run_id, result_type=CheckReport)


async def _report(handle: WorkflowHandle[object, CheckReport], name: CheckName) -> CheckReport:
    try:
        async with in_time(LONGEST):
            return await handle.result(follow_runs=False)
    except WorkflowFailureError as error:
        why = plain(str(error.cause), 300)
        run_of = f"{handle.id}, run {handle.run_id or handle.result_run_id}"
        raise NoReport(f"the {name.value} check did not end well: {why} ({run_of})") from error


def _say(text: str) -> None:
    err.print(f"[dim]{safe(text)}[/dim]")
