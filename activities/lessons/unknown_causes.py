"""Incidents whose cause nobody found: what was seen of them, and the evidence that would have told it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from activities.lessons.kept import Kept
from activities.lessons.rows import CauseRows
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.evidence.evidence import Finding
from models.incident.incident import EvidenceLine
from models.incident.review import Review
from models.names import ANY_ALERT
from models.text import shorten

UNKNOWN = "unknown"
"""The cause of an incident that no row of its table explains."""
MOST_GROUPS = 20
MOST_ROWS_NAMED = 6
LONGEST = 160


@dataclass(frozen=True)
class Group:
    """The incidents of one runbook and service of which the same was seen, the newest last."""

    what: str
    """The runbook; where there was none, the alert."""
    service: str
    seen: tuple[str, ...]
    """The names of the evidence that was bad."""
    reviews: tuple[Review, ...]

    @property
    def newest(self) -> Review:
        return self.reviews[-1]

    @property
    def has_runbook(self) -> bool:
        return self.newest.runbook != ANY_ALERT

    def lines(self, finding: Finding) -> list[EvidenceLine]:
        """The evidence of the newest of them with this finding."""
        return [one for one in self.newest.evidence if one.finding == finding]


@dataclass(frozen=True)
class Missing:
    """Evidence that could not be seen, why, and the causes that it might have told."""

    evidence: str
    why: str
    causes: tuple[str, ...]

    @property
    def says(self) -> str:
        more = f" and {len(self.causes) - MOST_ROWS_NAMED} more" if len(self.causes) > MOST_ROWS_NAMED else ""
        told = f"{', '.join(self.causes[:MOST_ROWS_NAMED])}{more}" if self.causes else "no row reads it"
        return f"{self.evidence} ({shorten(self.why, LONGEST)}) would have told: {told}"


def grouped(reviews: Iterable[Review]) -> list[Group]:
    """Those with an unknown cause, or without a runbook; what happened most often first."""
    found: dict[tuple[str, str, tuple[str, ...]], list[Review]] = {}
    for one in reviews:
        nameless = one.runbook == ANY_ALERT and not one.cause
        if one.cause != UNKNOWN and not nameless:
            continue
        seen = tuple(line.name for line in one.evidence if line.finding == Finding.BAD)
        what = one.alert.name if nameless else one.runbook
        found.setdefault((what, one.alert.service, seen), []).append(one)
    groups = [Group(what, service, seen, tuple(some)) for (what, service, seen), some in found.items()]
    return sorted(groups, key=lambda group: (-len(group.reviews), group.what, group.service))


def missing(group: Group, rows: CauseRows) -> list[Missing]:
    """What could not be seen of it. What most causes needed comes first."""
    table = rows.get(group.newest.runbook, ())
    found = [
        Missing(line.name, line.reason, tuple(row.name for row in table if line.name in row.reads))
        for line in group.lines(Finding.UNKNOWN)
    ]
    return sorted(found, key=lambda one: -len(one.causes))


def unknown_causes(kept: Kept, rows: CauseRows, over: str) -> ItemResult:
    """`attention` when a cause stayed unknown: add it to the runbook, or make visible what was not seen."""
    now = datetime.now(UTC)
    if kept.reason:
        return ItemResult(reason=kept.reason, observed_at=now)
    groups = grouped(kept.reviews)
    number = sum(len(group.reviews) for group in groups)
    counted = f"{number} of {len(kept.reviews)} incidents of {over} have no known cause"
    return ItemResult(
        state=ItemState.ATTENTION if groups else ItemState.OK,
        reason=f"{counted}, in {len(groups)} groups" if groups else counted,
        observed_at=now,
        details=(*(_says(group, rows) for group in groups[:MOST_GROUPS]), *kept.remarks),
        figures=(Figure(name="incidents without a known cause", value=number),),
        tables=_tables(groups, rows),
    )


def _says(group: Group, rows: CauseRows) -> str:
    times = "once" if len(group.reviews) == 1 else f"{len(group.reviews)} times"
    name = f"{group.what} of {group.service}, {times}"
    if not group.has_runbook:
        return f"{name}: no runbook knows this alert; write one, or silence what says nothing"
    blind = [one for one in missing(group, rows) if one.causes]
    if not blind:
        return f"{name}: everything was seen, and no row fits: add this cause to the runbook"
    return f"{name}: {blind[0].says}"


def _tables(groups: Sequence[Group], rows: CauseRows) -> tuple[Table, ...]:
    if not groups:
        return ()
    columns = ("what", "service", "times", "newest", "what was seen", "what was not seen")
    cells = tuple(_cells(group, rows) for group in groups)
    return (Table(title="Causes that nobody found", columns=columns, rows=cells),)


def _cells(group: Group, rows: CauseRows) -> tuple[str, ...]:
    seen = "; ".join(shorten(line.reason, LONGEST) for line in group.lines(Finding.BAD)) or "nothing bad"
    blind = "; ".join(one.says for one in missing(group, rows)) or "everything was seen"
    newest = f"{group.newest.began_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return (group.what, group.service, str(len(group.reviews)), newest, seen, blind)
