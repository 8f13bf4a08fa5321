"""What the board shows: the open incidents, those that need a person first, and the last 30 days."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from intake.views.rendering import path_of
from models.base import in_number
from models.incident.incident import IncidentState, Phase
from models.incident.stewardship import ControlRoomState
from models.names import Severity
from runtime.incidents import IncidentLine
from runtime.overview.listed import needs_a_person, urgency
from runtime.store.reading import Search, Stored

SHOWN_DAYS = 30
A_PAGE = 50
"""Open incidents of one page; and closed ones below it, the rest of which are in the history."""
LONGEST_FILTER = 200
_SERVICE = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PAGE = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True)
class Filters:
    """What a person narrows the board down to. Empty fields narrow nothing; nor does what is no service."""

    service: str = ""
    phase: str = ""
    severity: str = ""
    outcome: str = ""
    words: str = ""
    decision: str = ""
    """Only what waits for a person to approve something."""
    page: int = 1

    @classmethod
    def of(cls, query: QueryParams) -> Filters:
        def one(name: str) -> str:
            return query.get(name, "").strip()[:LONGEST_FILTER]

        service = one("service") if _SERVICE.fullmatch(one("service")) else ""
        page = int(one("page")) if _PAGE.fullmatch(one("page")) else 1
        decision = "needed" if one("decision") else ""
        return cls(service, one("phase"), one("severity"), one("outcome"), one("words"), decision, page)

    def at(self, page: int) -> str:
        """The query of this page of the same board."""
        named = {**vars(self), "page": page if page > 1 else ""}
        return urlencode({name: value for name, value in named.items() if value})

    @property
    def search(self) -> Search:
        """As the store is asked for what closed."""
        return Search(
            service=self.service, severity=self.severity, outcome=self.outcome, words=self.words, closed=True
        )

    def passes(self, line: IncidentLine) -> bool:
        """Whether an incident is one of those that are looked for."""
        text = f"{line.id} {line.runbook} {line.cause} {line.outcome} {line.phase}".lower()
        return (
            self.service in ("", line.service)
            and self.severity in ("", line.severity)
            and (self.outcome in ("", line.outcome) or line.open)
            and all(word in text for word in self.words.lower().split())
        )


@dataclass(frozen=True)
class Row:
    """One open incident; `state` is None while no worker answers for it."""

    line: IncidentLine
    state: IncidentState | None

    @property
    def needs_a_person(self) -> bool:
        return needs_a_person(self.phase)

    @property
    def phase(self) -> str:
        return self.state.phase.value if self.state else self.line.phase

    @property
    def until(self) -> datetime | None:
        """When a question expires, or a wait ends."""
        if self.state is None:
            return None
        return self.state.awaiting.expires_at if self.state.awaiting else self.state.waits_until

    def passes(self, filters: Filters) -> bool:
        """As what is open stands now: the phase that Temporal lists may be a moment old."""
        asks = self.state.awaiting is not None if self.state else self.phase == Phase.AWAITING_APPROVAL
        return filters.phase in ("", self.phase) and (asks or not filters.decision)


@dataclass(frozen=True)
class Closed:
    """One incident of the last days."""

    line: IncidentLine
    at: str
    """Where its page is."""
    recovered_after: timedelta | None = None

    @property
    def ended(self) -> str:
        """Its outcome; how Temporal saw it end where it wrote none."""
        return self.line.outcome or self.line.ended


@dataclass(frozen=True)
class Past:
    """What the store says of the last days."""

    rows: Sequence[Stored] = ()
    total: int = 0
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    away: str = ""
    """Why it cannot be read now."""


@dataclass(frozen=True)
class Board:
    open: Sequence[Row]
    """Of one page."""
    total: int
    page: int
    pages: int
    closed: Sequence[Closed]
    past: Past
    services: Sequence[str]
    outcomes: Sequence[str]
    phases: Sequence[str] = tuple(one.value for one in Phase if one is not Phase.CLOSED)
    severities: Sequence[str] = tuple(one.value for one in Severity)


def banners(room: ControlRoomState | None, dry_run: bool, now: datetime, left_out: int = 0) -> Sequence[str]:
    """What stands above the incidents: how many are not shown; that nothing is done, and why; windows that
    are on or planned."""
    said = [f"{in_number(left_out, 'more open incident')} not shown here: those that began first."] * bool(
        left_out
    )
    if room is None:
        return [*said, "It cannot be read now whether actions are suspended, or a maintenance is on."]
    said += [f"Actions are {room.suspended_words}."] if room.suspended else []
    if dry_run:
        said.append("Dry run: what would be done is recorded, and nothing is done (dry_run: true).")
    for window in room.windows:
        if says := window.standing(now):
            kind = "In maintenance" if window.in_force(now) else "Planned maintenance"
            said.append(f"{kind}: {says}")
    return said + [f"{one.line}." for one in room.not_taken]


def board(
    lines: Sequence[IncidentLine], states: Mapping[str, IncidentState], past: Past, filters: Filters
) -> Board:
    """What is open, what needs a person first; then what closed, the last one first."""
    passing = [line for line in lines if filters.passes(line)]
    rows = [Row(line, states.get(line.id)) for line in passing if line.open]
    rows = [row for row in rows if row.passes(filters)]
    rows.sort(key=lambda row: urgency(row.phase, row.line.started_at))
    pages = max(1, -(-len(rows) // A_PAGE))
    page = min(filters.page, pages)
    outcomes = {line.outcome for line in lines if line.outcome}
    return Board(
        open=rows[A_PAGE * (page - 1) : A_PAGE * page],
        total=len(rows),
        page=page,
        pages=pages,
        closed=_closed([line for line in passing if not line.open], past),
        past=past,
        services=sorted(
            {*(line.service for line in lines if line.service), *past.choices.get("service", ())}
        ),
        outcomes=sorted({*outcomes, *past.choices.get("outcome", ())}),
    )


def _closed(just: Sequence[IncidentLine], past: Past) -> Sequence[Closed]:
    """What the store has, and what closed so lately that it is not there yet."""
    stored = {one.line.run_id for one in past.rows}
    rows = [
        Closed(line, f"{path_of(line.id)}?run={line.run_id}") for line in just if line.run_id not in stored
    ]
    rows += [Closed(one.line, f"/history/{one.began_in}", one.recovered_after) for one in past.rows]
    rows.sort(key=lambda one: one.line.closed_at or one.line.started_at, reverse=True)
    return rows[:A_PAGE]
