"""`dry-runs`: what the dry runs of a while would have done, and how often that would have been right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from console.output import AsJson, Unusable, as_json, out, run, safe
from console.shell.examples import examples
from models.base import Interval, in_days, in_number
from models.past.dry_runs import DryRuns, Row
from runtime.connection import connect
from runtime.past.dry_runs import MOST, dry_runs_of

app = typer.Typer()


@app.command("dry-runs", epilog=examples("dry-runs --since 7d"))
def dry_runs(
    since: Annotated[str, typer.Option("--since", help="How far back: 12h, 7d.")] = "7d",
    json: AsJson = False,
) -> None:
    """Report what dry runs would have done, and how often that would have been right by what people did."""

    async def work() -> None:
        over = _over(since)
        found = await dry_runs_of(await connect(), over)
        if json:
            as_json(found)
            return
        if found.rows:
            out.print(_table(found))
        for line in _lines(found, over):
            out.print(line)

    run(work())


def _over(since: str) -> timedelta:
    try:
        return TypeAdapter(Interval).validate_python(since)
    except ValidationError as wrong:
        raise Unusable(
            f"--since {since!r}: {wrong.errors()[0]['msg'].removeprefix('Value error, ')}"
        ) from None


def _table(found: DryRuns) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("RUNBOOK", "CAUSE", "WOULD HAVE DONE"):
        table.add_column(heading, overflow="fold")
    for heading in ("RIGHT", "WRONG", "NOT KNOWN"):
        table.add_column(heading, justify="right")
    for row in found.rows:
        numbers = (row.right, row.wrong, sum(row.judged.values()) - row.right - row.wrong)
        table.add_row(safe(row.runbook), safe(row.cause), safe(_would(row)), *(str(one) for one in numbers))
    return table


def _would(row: Row) -> str:
    would = [f"{says} ({number}x)" for says, number in row.would.items()]
    would += [f"call a person ({row.called_a_person}x)"] if row.called_a_person else []
    return "; ".join(would)


def _lines(found: DryRuns, over: timedelta) -> Iterator[str]:
    number = in_number(len(found.ended), "dry run")
    yield f"{number} ended within {in_days(over)}, {len(found.open)} open."
    rate = found.rate
    if rate is not None:
        yield f"Where it is known, it would have been right {rate:.0%} of the time."
    judged: dict[str, int] = {}
    for row in found.rows:
        for why, times in row.judged.items():
            judged[why.value] = judged.get(why.value, 0) + times
    yield from (f"  {why}: {times}" for why, times in sorted(judged.items()))
    if found.without_review:
        yield f"Without a review, and not judged: {safe(', '.join(found.without_review))}"
    if found.not_counted:
        yield f"Only the newest {MOST} are counted."
