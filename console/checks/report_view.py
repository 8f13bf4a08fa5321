"""A check's report on the terminal: what needs somebody first."""

from __future__ import annotations

from collections.abc import Iterator

from activities.checks.words import title
from console.output import safe
from console.status import COLOURS
from models.base import in_words
from models.checks.check import CheckReport, counted
from models.checks.item import WORST_FIRST, Item, ItemState

_INDENT = " " * 11


def lines_of(report: CheckReport) -> Iterator[str]:
    """The findings, the worst first; what changed; where the whole report is."""
    took = in_words(report.ended_at - report.began_at)
    yield f"[bold]{safe(title(report))}[/bold]: {counted(report)}"
    yield f"[dim]began {report.began_at:%Y-%m-%d %H:%M:%S} UTC, took {took}, by {_whom(report)}[/dim]"
    for state in WORST_FIRST:
        for item in report.with_state(state):
            yield from _item(item)
    if report.stored is None:
        yield "[yellow]The report could not be written: see the log of the worker.[/yellow]"
        return
    if report.stored.changes:
        yield "[bold]since the last report[/bold]"
        yield from (f"  {safe(change)}" for change in report.stored.changes)
    yield f"report: {safe(report.stored.page)}"
    if report.stored.link:
        yield f"open:   {safe(report.stored.link)}"


def _item(item: Item) -> Iterator[str]:
    found = item.found
    colour = COLOURS[found.state]
    yield f"[{colour}]{found.state.value:9}[/{colour}]  {safe(item.name)}: {safe(found.reason)}"
    if found.state is ItemState.OK:
        return
    if found.threshold:
        yield f"{_INDENT}threshold: {safe(found.threshold)}"
    yield from (f"{_INDENT}{safe(detail)}" for detail in found.details)
    yield from (f"{_INDENT}began {safe(incident)}" for incident in item.started)
    yield from (f"{_INDENT}is open already: {safe(incident)}" for incident in item.open_already)
    if found.link:
        yield f"{_INDENT}[dim]{safe(found.link)}[/dim]"


def _whom(report: CheckReport) -> str:
    return safe(report.by) or "its schedule"
