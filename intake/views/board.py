"""What the board shows: the open incidents, those that need a person first, and the last 30 days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.datastructures import QueryParams

from models.incident.incident import IncidentState, Phase
from models.incident.stewardship import ControlRoomState
from models.names import Severity
from runtime.incidents import IncidentLine, Which

SHOWN_DAYS = 30
MOST_LINES = 300
"""Incidents of a board; the command line and the API list older ones."""
LONGEST_FILTER = 200
_SERVICE = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_URGENT = {Phase.AWAITING_APPROVAL.value: 0, Phase.ESCALATED.value: 1}


@dataclass(frozen=True)
class Filters:
    """What a person narrows the board down to. Empty fields narrow nothing; nor does what is no service."""

    service: str = ""
    phase: str = ""
    severity: str = ""
    outcome: str = ""
    words: str = ""
    decision: bool = False
    """Only what waits for a person to approve something."""

    @classmethod
    def of(cls, query: QueryParams) -> Filters:
        def one(name: str) -> str:
            return query.get(name, "").strip()[:LONGEST_FILTER]

        service = one("service") if _SERVICE.fullmatch(one("service")) else ""
        return cls(
            service, one("phase"), one("severity"), one("outcome"), one("words"), bool(one("decision"))
        )

    def which(self, now: datetime) -> Which:
        """As Temporal is asked."""
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return Which(since=today - timedelta(days=SHOWN_DAYS), service=self.service)

    def passes(self, line: IncidentLine) -> bool:
        """Whether an incident is one of those that are looked for."""
        text = f"{line.id} {line.runbook} {line.cause} {line.outcome} {line.phase}".lower()
        return (
            self.severity in ("", line.severity)
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
        return self.phase in _URGENT

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

    @property
    def took(self) -> timedelta | None:
        return self.line.closed_at - self.line.started_at if self.line.closed_at else None

    @property
    def ended(self) -> str:
        """Its outcome; how Temporal saw it end where it wrote none."""
        return self.line.outcome or self.line.ended


@dataclass(frozen=True)
class Board:
    open: Sequence[Row]
    closed: Sequence[Closed]
    services: Sequence[str]
    outcomes: Sequence[str]
    phases: Sequence[str] = tuple(one.value for one in Phase if one is not Phase.CLOSED)
    severities: Sequence[str] = tuple(one.value for one in Severity)


def banners(room: ControlRoomState, dry_run: bool, now: datetime) -> Sequence[str]:
    """What stands above the incidents: that nothing is done, and why; windows that are on or planned."""
    said = [f"Actions are {room.suspended_words}."] if room.suspended else []
    if dry_run:
        said.append("Dry run: what would be done is recorded, and nothing is done (dry_run: true).")
    for window in room.windows:
        if says := window.standing(now):
            kind = "In maintenance" if window.in_force(now) else "Planned maintenance"
            said.append(f"{kind}: {says}")
    return said


def board(lines: Sequence[IncidentLine], states: dict[str, IncidentState], filters: Filters) -> Board:
    """What is open, what needs a person first; then what closed, the newest first."""
    passing = [line for line in lines if filters.passes(line)]
    rows = [Row(line, states.get(line.id)) for line in passing if line.open]
    rows = [row for row in rows if row.passes(filters)]
    rows.sort(key=lambda row: (_URGENT.get(row.phase, 2), -row.line.started_at.timestamp()))
    return Board(
        open=rows,
        closed=[Closed(line) for line in passing if not line.open],
        services=sorted({line.service for line in lines if line.service}),
        outcomes=sorted({line.outcome for line in lines if line.outcome}),
    )
