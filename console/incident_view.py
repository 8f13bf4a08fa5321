"""An incident on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from console.output import safe
from models.incident.incident import Entry, IncidentState, Option, PendingApproval
from runtime.incidents import IncidentLine

COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}
SHOWN_ENTRIES = 200


def table_of(lines: Iterable[IncidentLine]) -> Table:
    """The list of incidents."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("INCIDENT", "SEVERITY", "PHASE", "STARTED (UTC)", "RUNBOOK"):
        table.add_column(heading, no_wrap=True)
    for line in lines:
        colour = COLOURS.get(line.severity, "white")
        phase = line.phase if line.open or line.ended == "completed" else line.ended
        table.add_row(
            safe(line.id) if line.open else f"[dim]{safe(line.id)}[/dim]",
            f"[{colour}]{safe(line.severity)}[/{colour}]",
            safe(f"{phase}, dry run" if line.dry_run else phase),
            f"{line.started_at:%Y-%m-%d %H:%M:%S}",
            safe(line.runbook),
        )
    return table


def whole(state: IncidentState) -> RenderableType:
    """One incident: where it stands, what it asks, what happened."""
    colour = COLOURS[state.severity.value]
    head = Table.grid(padding=(0, 2))
    for name, value in _facts(state):
        head.add_row(f"[bold]{name}[/bold]", safe(value))
    title = f"[{colour}]{safe(state.id)}[/{colour}]"
    parts: list[RenderableType] = [Panel(head, title=title, title_align="left", border_style=colour)]
    if state.awaiting:
        parts.append(question(state.id, state.awaiting))
    parts += [entry_line(entry) for entry in state.timeline[-SHOWN_ENTRIES:]]
    return Group(*parts)


def question(incident: str, asked: PendingApproval) -> RenderableType:
    """The plans that wait for a decision, step by step, and how to take another than the recommended one."""
    lines = []
    for option in asked.options:
        marked = ", [bold]recommended[/bold]" if asked.others and option.recommended else ""
        lines += [*_plan(option), f"[bold]plan[/bold]     {safe(option.digest)}{marked}", ""]
    if asked.limit:
        lines.append(f"[bold]limit[/bold]    {safe(asked.limit.why)}; an approval overrides it")
    lines.append(f"[bold]until[/bold]    {asked.expires_at:%Y-%m-%d %H:%M:%S} UTC")
    if asked.others:
        lines.append(f"[bold]another[/bold]  approve {safe(incident)} --plan {safe(asked.others[0].digest)}")
    return Panel("\n".join(lines), title=f"{safe(incident)} asks", title_align="left", border_style="magenta")


def _plan(option: Option) -> list[str]:
    lines = [f"[bold]why[/bold]      {safe(option.plan.why)}"]
    for number, step in enumerate(option.plan.steps, 1):
        lines += [
            f"[bold]{number}. {safe(step.says)}[/bold]",
            *_indented("   changes: ", step.changes),
            f"   undo:    {safe(step.undo) or 'cannot be undone'}",
        ]
    return [*lines, f"[bold]risk[/bold]     {option.risk.value}"]


def _indented(head: str, text: str) -> list[str]:
    """Text of several lines, such as a diff, below its head."""
    first, *others = text.splitlines() or [""]
    return [f"{head}{safe(first)}", *(f"{' ' * len(head)}{safe(line)}" for line in others)]


def entry_line(entry: Entry) -> str:
    """One line of the timeline."""
    by = "" if entry.by == "runbook" else f" ({safe(entry.by)}, through {safe(entry.through.value)})"
    return f"[dim]{entry.at:%H:%M:%S}[/dim] {safe(entry.text)}[dim]{by}[/dim]"


def _facts(state: IncidentState) -> list[tuple[str, str]]:
    facts = [
        ("dry run", state.dry_run),
        ("summary", state.summary),
        ("phase", state.phase.value),
        ("severity", state.severity.value),
        ("runbook", state.runbook),
        ("firing since", f"{state.alert.starts_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("cause", state.cause),
        ("also seen", ", ".join(state.also_seen)),
        ("refused", f"{state.refused.reason}: {state.refused.says}" if state.refused else ""),
        ("waits for", state.waits_for),
        ("waits until", f"{state.waits_until:%Y-%m-%d %H:%M:%S} UTC" if state.waits_until else ""),
        ("acknowledged by", state.acknowledged_by),
        ("escalated to", state.rung),
        ("done", "; ".join(one.found for one in state.performed)),
        ("outcome", state.outcome.value if state.outcome else ""),
        ("review", state.review),
    ]
    return [(name, value) for name, value in facts if value]
