"""What the board shows: the open incidents, those that need a person first, and the last 30 days."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.datastructures import QueryParams

from models.incident.incident import IncidentState, Phase
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
    severity: str = ""
    outcome: str = ""
    words: str = ""

    @classmethod
    def of(cls, query: QueryParams) -> Filters:
        def one(name: str) -> str:
            return query.get(name, "").strip()[:LONGEST_FILTER]

        service = one("service") if _SERVICE.fullmatch(one("service")) else ""
        return cls(service, one("severity"), one("outcome"), one("words"))

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
    severities: Sequence[str] = tuple(one.value for one in Severity)


def board(lines: Sequence[IncidentLine], states: dict[str, IncidentState], filters: Filters) -> Board:
    """What is open, what needs a person first; then what closed, the newest first."""
    passing = [line for line in lines if filters.passes(line)]
    rows = [Row(line, states.get(line.id)) for line in passing if line.open]
    rows.sort(key=lambda row: (_URGENT.get(row.phase, 2), -row.line.started_at.timestamp()))
    return Board(
        open=rows,
        closed=[Closed(line) for line in passing if not line.open],
        services=sorted({line.service for line in lines if line.service}),
        outcomes=sorted({line.outcome for line in lines if line.outcome}),
    )
