"""An incident on a terminal that is redrawn in place: what a person wants to know first, and no more.

It fits the terminal, and changes only when something happened or a minute is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from console.incident_view import COLOURS, words_of
from models.base import roughly
from models.incident.announcement import NextRung
from models.incident.incident import Entry, IncidentState, PendingApproval, Phase
from models.text import plain

_PHASES = {
    Phase.AWAITING_APPROVAL: "bold magenta",
    Phase.ESCALATED: "bold red",
    Phase.RESOLVED: "green",
    Phase.CLOSED: "green",
}
_LABEL = 12
_LONGEST = 400
"""Characters of one text; `show` has all of it."""
_FEWEST_ENTRIES = 3
_A_PERSON, _A_READER = "a person:", "an acknowledgement:"
"""So begins what an incident waits for that asks somebody to do something, and that reports."""


def frame(state: IncidentState, now: datetime, console: Console, trouble: str = "") -> Group:
    """What is shown at this moment; the newest lines of the timeline fill the rest of the terminal."""
    head = Group(*_head(state, now), *([Text(plain(trouble), style="yellow")] if trouble else []))
    room = console.height - 2 - _height(head, console)
    return Group(head, Text(), _timeline(state.timeline, room, console))


def ending(state: IncidentState) -> list[tuple[str, str]]:
    """How it ended, and where the review is."""
    pairs = [("outcome", state.outcome.value if state.outcome else ""), ("review", state.review)]
    return [(name, value) for name, value in pairs if value]


def answers(state: IncidentState) -> list[tuple[str, str]]:
    """What a person may type now, each with what it does."""
    if state.phase is Phase.CLOSED:
        return [("review", "prints the review")] if state.review else []
    if asked := state.awaiting:
        others = [(f"approve --plan {one.digest}", f"takes: {one.plan.says}") for one in asked.others]
        return [("approve", f"takes: {asked.plan.says}"), *others, ("deny", "refuses")]
    if state.waits_for.startswith(_A_PERSON):
        return [("done", "when you have done it")]
    if state.waits_for.startswith(_A_READER):
        return [("ack", "when you have read it")]
    if state.phase is Phase.ESCALATED:
        return [("done", "when it is repaired"), ("retry", "lets it look and act again")]
    return [("ack", "says that you have it: nobody else is paged")] if state.next_rung else []


def _head(state: IncidentState, now: datetime) -> Iterator[RenderableType]:
    colour = COLOURS[state.severity.value]
    yield Text.assemble(
        (plain(state.id), f"bold {colour}"), "  ", (state.phase.value, _PHASES.get(state.phase, "bold"))
    )
    since = "" if state.phase is Phase.CLOSED else f", firing for {_rough(now - state.alert.starts_at)}"
    yield Text(f"{state.severity.value}{since}, runbook {plain(state.runbook)}", style="dim")
    facts = Table.grid(padding=(0, 1))
    facts.add_column(width=_LABEL, style="bold", overflow="fold")
    facts.add_column(overflow="fold")
    for name, value in _facts(state, now):
        facts.add_row(name, Text(plain(value, _LONGEST)))
    yield facts
    if state.awaiting and state.phase is not Phase.CLOSED:
        yield from _question(state.awaiting, now)
    for command, does in answers(state):
        word, _, rest = command.partition(" ")
        typed = " ".join(filter(None, ("python starter.py", word, plain(state.id), rest)))
        yield Padding(Text.assemble((typed, "bold"), f"   {plain(does, _LONGEST)}"), (0, 0, 0, 2))


def _facts(state: IncidentState, now: datetime) -> Iterator[tuple[str, str]]:
    is_open = state.phase is not Phase.CLOSED
    until = f" {_until(state.waits_until, now)}" if state.waits_until else ""
    also = f" (also seen: {', '.join(state.also_seen)})" if state.also_seen else ""
    pairs = [
        ("dry run", state.dry_run),
        ("it says", next(iter(state.alert.words.values()), "")),
        ("found", state.summary),
        ("cause", f"{state.cause}{also}" if state.cause else ""),
        ("done", "; ".join(one.found for one in state.performed)),
        ("refused", state.refused.says if state.refused else ""),
        ("paused", state.paused),
        ("waits for", f"{state.waits_for}{until}" if state.waits_for and is_open else ""),
        ("who has it", state.acknowledged_by or ("nobody yet" if is_open else "")),
        ("next", _next(state.next_rung, now) if state.next_rung and is_open else ""),
        *ending(state),
    ]
    return ((name, value) for name, value in pairs if value)


def _question(asked: PendingApproval, now: datetime) -> Iterator[RenderableType]:
    yield Text()
    yield Text(f"Your decision is needed {_until(asked.expires_at, now)}.", style="bold magenta")
    for option in asked.options:
        kind = "" if not asked.others else "recommended: " if option.recommended else "or: "
        yield Text(f"{kind}{plain(option.plan.says, _LONGEST)}")
        yield Text(f"  why: {plain(option.plan.why, _LONGEST)}; risk {option.risk.value}", style="dim")
    if asked.limit:
        yield Text(f"An approval overrides this limit: {plain(asked.limit.why)}.", style="yellow")


def _next(rung: NextRung, now: datetime) -> str:
    who = f"{rung.role} ({rung.person})" if rung.person else rung.role
    when = f"in {_rough(rung.at - now)}" if rung.at > now else "as soon as it is known whether it is well"
    return f"{'asks' if rung.again else 'pages'} {who}{' again' if rung.again else ''} {when}"


def _until(moment: datetime, now: datetime) -> str:
    left = f"{_rough(moment - now)} left" if moment > now else "over"
    return f"until {moment:%H:%M} UTC ({left})"


def _rough(time: timedelta) -> str:
    """To the minute: a second that passes is no news, but for the last ones."""
    return roughly(time - time % timedelta(minutes=1)) if time >= timedelta(minutes=1) else roughly(time)


def _timeline(entries: Sequence[Entry], room: int, console: Console) -> RenderableType:
    """As many of the newest as there is room for."""
    shown = min(len(entries), max(room, _FEWEST_ENTRIES))
    while shown > _FEWEST_ENTRIES and _height(_table(entries[-shown:]), console) > room:
        shown -= 1
    return _table(entries[len(entries) - shown :])


def _table(entries: Sequence[Entry]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=8, style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for entry in entries:
        table.add_row(f"{entry.at:%H:%M:%S}", Text(plain(words_of(entry), _LONGEST)))
    return table


def _height(shown: RenderableType, console: Console) -> int:
    return len(console.render_lines(shown, pad=False))
