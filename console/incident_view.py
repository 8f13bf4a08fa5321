"""An incident on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from console.layout import columns, facts, styled, wrapped
from console.output import safe
from models.incident.incident import (
    Entry,
    EvidenceLine,
    IncidentState,
    Option,
    PendingApproval,
    Through,
    what_matters_first,
)
from runtime.incidents import IncidentLine

COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}
FINDINGS = {"bad": "red", "unknown": "yellow", "ok": "green"}
SHOWN_ENTRIES = 200
_HEADINGS = ("INCIDENT", "SEVERITY", "PHASE", "STARTED (UTC)", "RUN", "RUNBOOK", "CAUSE")
SHOWN_OF_A_RUN = 8
"""Characters at the end of a run's ID: those at its beginning are a time."""


def table_of(lines: Sequence[IncidentLine]) -> Text:
    """The list of incidents: one line each, or its ID and the rest below where that is too narrow."""
    rows = [_row(line) for line in lines]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) > columns():
        return _text(part for line, row in zip(lines, rows, strict=True) for part in _below(line, row))
    table = [styled("  ".join(_padded(_HEADINGS, widths)).rstrip(), "bold")]
    for line, row in zip(lines, rows, strict=True):
        cells = list(map(safe, _padded(row, widths)))
        cells[0] = cells[0] if line.open else styled(cells[0], "dim")
        cells[1] = styled(cells[1], COLOURS.get(line.severity, "white"))
        table.append("  ".join(cells).rstrip())
    return _text(table)


def _row(line: IncidentLine) -> tuple[str, ...]:
    phase = line.phase if line.open or line.ended in ("completed", "continued_as_new") else line.ended
    phase = f"{phase}, dry run" if line.dry_run else phase
    started, run = f"{line.started_at:%Y-%m-%d %H:%M:%S}", line.run_id[-SHOWN_OF_A_RUN:]
    return (line.id, line.severity, phase, started, run, line.runbook, line.cause)


def _below(line: IncidentLine, row: tuple[str, ...]) -> list[str]:
    colour = COLOURS.get(line.severity, "white") if line.open else "dim"
    rest = " · ".join(part for part in row[1:] if part)
    return [styled(safe(line.id), colour), *wrapped(rest, head="  ")]


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]


def whole(state: IncidentState) -> Text:
    """One incident: where it stands, what it asks, what was found, what happened."""
    colour = COLOURS[state.severity.value]
    lines = [styled(safe(state.id), f"bold {colour}"), *facts(_facts(state))]
    if state.awaiting:
        lines += ["", *_question(state.id, state.awaiting)]
    if state.evidence:
        lines += ["", styled("found", "bold")]
        lines += [line for one in what_matters_first(state.evidence) for line in found(one)]
    lines += ["", styled("timeline (UTC)", "bold")]
    lines += [line for entry in state.timeline[-SHOWN_ENTRIES:] for line in _entry(entry)]
    return _text(lines)


def question(incident: str, asked: PendingApproval) -> Text:
    """The plans that wait for a decision, step by step, and how to take another than the recommended one."""
    return _text(_question(incident, asked))


def _question(incident: str, asked: PendingApproval) -> list[str]:
    lines = wrapped(f"{incident} asks", style="bold magenta")
    for option in asked.options:
        marked = ", recommended" if asked.others and option.recommended else ""
        lines += [*_plan(option), *facts([("plan", f"{option.digest}{marked}")]), ""]
    if asked.limit:
        lines += facts([("limit", f"{asked.limit.why}; an approval overrides it")])
    lines += facts([("until", f"{asked.expires_at:%Y-%m-%d %H:%M:%S} UTC")])
    if asked.others:
        lines += facts([("another", f"approve {incident} --plan {asked.others[0].digest}")])
    return lines


def _plan(option: Option) -> list[str]:
    lines = facts([("why", option.plan.why)])
    for number, step in enumerate(option.plan.steps, 1):
        head = f"{number}. "
        lines += [
            *wrapped(step.says, head=head, style="bold"),
            *wrapped(step.changes, head="   changes: "),
            *wrapped(step.undo or "cannot be undone", head="   undo:    "),
        ]
    return [*lines, *facts([("risk", option.risk.value)])]


def found(one: EvidenceLine) -> list[str]:
    """What one look found."""
    lines = wrapped(f"{one.name}: {one.finding}, {one.reason}", head="  ", hang=4)
    return [styled(line, FINDINGS.get(one.finding, "white")) for line in lines]


def entry_line(entry: Entry) -> Text:
    """One line of the timeline."""
    return _text(_entry(entry))


def _entry(entry: Entry) -> list[str]:
    return wrapped(words_of(entry), head=f"{entry.at:%H:%M:%S} ")


def words_of(entry: Entry) -> str:
    """What it says, and who said it."""
    by = "" if entry.by == "runbook" else f" ({entry.by})"
    if entry.of_a_person and entry.through is not Through.TEMPORAL_UI:
        by = f" ({entry.by}, through {entry.through.value})"
    return f"{entry.text}{by}"


def _text(lines: Iterable[str]) -> Text:
    return Text.from_markup("\n".join(lines), overflow="fold")


def _facts(state: IncidentState) -> list[tuple[str, str]]:
    words = state.alert.words
    pairs = [
        ("dry run", state.dry_run),
        ("summary", state.summary),
        ("the alert says", words.get("summary", "")),
        ("in full" if "summary" in words else "the alert says", words.get("description", "")),
        ("phase", state.phase.value),
        ("severity", state.severity.value),
        ("runbook", state.runbook),
        ("firing since", f"{state.alert.starts_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("paused", state.paused),
        ("cause", state.cause),
        ("also seen", ", ".join(state.also_seen)),
        ("refused", f"{state.refused.reason}: {state.refused.says}" if state.refused else ""),
        ("waits for", state.waits_for),
        ("waits until", f"{state.waits_until:%Y-%m-%d %H:%M:%S} UTC" if state.waits_until else ""),
        ("acknowledged", f"by {state.acknowledged_by}" if state.acknowledged_by else ""),
        ("escalated to", state.rung),
        ("done", "; ".join(one.found for one in state.performed)),
        ("outcome", state.outcome.value if state.outcome else ""),
        ("review", state.review),
    ]
    return [(name, value) for name, value in pairs if value]
