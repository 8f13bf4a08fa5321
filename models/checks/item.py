"""What one item of a check found, with everything that its report shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from models.base import Model
from models.evidence.evidence import Evidence, Finding
from models.incident.report import Chart
from models.names import AlertName, ServiceName


class ItemState(StrEnum):
    """`unknown` is neither well nor broken: it could not be seen, and the reason says why."""

    OK = "ok"
    ATTENTION = "attention"
    BAD = "bad"
    UNKNOWN = "unknown"

    @property
    def symbol(self) -> str:
        """Stands beside the word: no state is told by its colour alone."""
        return _SYMBOLS[self]


_SYMBOLS = {ItemState.OK: "✓", ItemState.ATTENTION: "!", ItemState.BAD: "✗", ItemState.UNKNOWN: "?"}


class Figure(Model):
    """A number that the next report compares with this one. None where it is not known."""

    name: str
    value: float | None
    unit: str = ""


class Table(Model):
    """Rows for people; every cell is text as it is to be read."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class ItemResult(Model):
    """What an item of a check found. Every activity of a check answers with one."""

    state: ItemState = ItemState.UNKNOWN
    reason: str = "not looked at"
    """One sentence with the numbers that decided."""
    threshold: str = ""
    """What it was measured by, such as `at most 0.05`."""
    link: str = ""
    """Where a person can look further: a dashboard, a query, a workflow."""
    observed_at: datetime | None = None
    details: tuple[str, ...] = ()
    """Further sentences, a bullet each."""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    services: tuple[ServiceName, ...] = ()
    """The services that a `bad` finding is about; a runbook can be started for each."""


class Item(Model):
    """One line of a report: its name, and what it found."""

    name: str
    """Always the same for the same item, such as `health of backend`: reports are compared by it."""
    found: ItemResult
    started: tuple[str, ...] = ()
    """Incidents that were begun because of it, by their ID."""
    open_already: tuple[str, ...] = ()
    """Incidents that would have been begun, and that were open before."""

    @property
    def kind(self) -> str:
        """What it is about, whichever the service: `health of backend` is of the kind `health`."""
        return self.name.partition(" of ")[0]


WORST_FIRST = (ItemState.BAD, ItemState.UNKNOWN, ItemState.ATTENTION, ItemState.OK)
"""What is bad, then what could not be seen, then what needs attention."""


def worst(items: Sequence[Item]) -> ItemState:
    """The state of the whole."""
    return worst_of([one.found.state for one in items])


def worst_of(states: Sequence[ItemState]) -> ItemState:
    """As `worst`, of states."""
    return next((state for state in WORST_FIRST if state in states), ItemState.OK)


class StartRunbook(Model):
    """The alert that a `bad` item starts, as a person would with `starter.py fire`."""

    alert: AlertName
    service: ServiceName
    because: str
    key: str
    """The same however often it is asked for: the run of the check, and the item."""
    by: str = ""
    """Which check it is."""


class StartedRunbook(Model):
    """Whether an incident was begun."""

    incident: str
    started: bool = False
    open_already: bool = False
    why_not: str = ""
    """Why there is none, in one sentence."""


_STATES = {Finding.OK: ItemState.OK, Finding.BAD: ItemState.BAD, Finding.UNKNOWN: ItemState.UNKNOWN}


def from_evidence(evidence: Evidence, service: str = "", link: str = "") -> ItemResult:
    """What a look of a runbook found, as an item of a check."""
    return ItemResult(
        state=_STATES[evidence.finding],
        reason=evidence.reason,
        observed_at=evidence.observed_at,
        link=link,
        services=(service,) if service else (),
    )
