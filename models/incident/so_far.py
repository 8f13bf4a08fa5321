"""An incident as one run passes it to the next: everything that is known, in a bounded size.

A run of Temporal takes 10,000 signals and a history of 51,200 events; an incident may stay open for
months. It goes on in a new run long before these limits, and nobody notices.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from models.base import Model
from models.catalogue.line import ProposalLine
from models.evidence.evidence import VerificationResult
from models.incident.alert import Alert
from models.incident.alert_life import Instance
from models.incident.announcement import Paged, Posted
from models.incident.dry_run import Planned
from models.incident.incident import (
    Decision,
    Entry,
    Outcome,
    PendingApproval,
    Performed,
    Phase,
    Spoken,
)
from models.incident.joining import Ended, Joined, Waiting
from models.incident.maintenance import Paused
from models.incident.policy import Policy
from models.incident.refusal import Refusal
from models.incident.report import Report
from models.incident.review import Began
from models.names import Severity

Evidences = dict[str, dict[str, Any]]
"""Evidence as JSON, by the name of its look, which knows the type."""


class Wait(Model):
    """What an incident waits for; what is left of it outlasts the run and the worker."""

    why: str
    began_at: datetime
    until: datetime | None = None
    """Its end by the clock; None where only the alert or a person ends it."""
    asked_at: datetime | None = None
    """When a person was last asked to do something: then `done` means that it is done, and goes on."""
    is_deadline: bool = False
    """Whether people are called at its end: it stands still while the incident does."""


class Stage(StrEnum):
    """Where an incident stands in its life."""

    PAGE = "follows its runbook's page"
    WITH_A_PERSON = "escalated: a person goes on"
    CLOSING = "closing"


class Passed(Model):
    """A verb of the page that is done, with what was seen when it was."""

    verb: str
    cause: str = ""
    seen: Evidences = {}
    well: bool = False
    """What a wait that looked now and then found at its end."""
    at: datetime | None = None
    throttled: timedelta | None = None
    """What was asked for was refused for now, and how long to wait."""


class Known(Model):
    """The facts of the record that change while the incident is open."""

    fires_since: datetime
    began_at: datetime
    policy: Policy
    phase: Phase
    seen: Evidences
    cause: str
    why_cause: str = ""
    not_if: str | None = None
    pointing: str = ""
    points: tuple[str, ...] = ()
    known_at: datetime | None = None
    ruled_out: tuple[str, ...] = ()
    remedy: str
    also_seen: tuple[str, ...]
    performed: tuple[Performed, ...]
    handed_to: tuple[str, ...]
    watched: VerificationResult | None
    unwell_at: datetime | None
    first_word_at: datetime | None = None
    acknowledged_by: str
    escalated_because: str
    done: Spoken | None
    cancelled: Spoken | None = None
    outcome: Outcome | None
    ended_at: datetime | None
    remarks: tuple[str, ...]
    report: Report | None = None
    wait: Wait | None = None
    answered: Spoken | None = None
    unapproved: tuple[Planned, ...] = ()
    without: Outcome | None = None
    refused: Refusal | None = None
    paused: Paused | None = None
    refused_services: tuple[str, ...] = ()
    retry: Spoken | None = None


class AlertSoFar(Model):
    """What was heard of the alert."""

    newest: Alert
    severity: Severity
    instances: dict[str, Instance]
    resolved_at: datetime | None
    fired_again: bool
    closing: bool
    times_fired: int


class Unreached(Model):
    """Somebody who is paged, and why; kept as long as that did not arrive."""

    role: str
    why: str
    since: datetime


class LadderSoFar(Model):
    """The position on the ladder, and who was told what beside it."""

    climbing: bool
    stopped: bool
    told: tuple[str, ...]
    """What is told only once."""
    starts_at: datetime
    clock: datetime
    place: int
    paged_at: datetime | None
    not_before: datetime
    quiet_until: datetime
    at_top_since: datetime | None
    position: str
    acknowledged_by: str
    last_word_at: datetime
    pushed: str
    late: tuple[str, ...]
    stands_for: tuple[str, ...] = ()
    """Why nobody is paged for now."""
    stands_since: datetime | None = None
    unreached: tuple[Unreached, ...] = ()
    """Who is still to be reached."""
    paged: tuple[Paged, ...] = ()
    """Which channel has, or may have, a page of whom."""
    posted: tuple[Posted, ...] = ()
    """The messages that are edited as the incident goes on."""
    untold: int = 0
    """How many of the newest lines of the timeline stand in none of their threads yet."""


class QuestionSoFar(Model):
    """The question that is open, and the answer that it has already."""

    pending: PendingApproval | None
    decision: Decision | None


class HeardSoFar(Model):
    """The signatures that counted: none counts twice."""

    used: dict[str, datetime] = {}
    """By nonce, when it was signed."""
    forgotten_until: datetime | None = None


class HoldSoFar(Model):
    """The hold on a service. Its steward knows the incident by the run in which it began."""

    service: str
    severity: Severity
    known: bool
    held: bool
    taken_over_by: str
    acted: bool
    healed: bool | None
    dry_run: bool = False
    users: tuple[str, ...]


class PromiseSoFar(Model):
    """A promise to revert what is temporary."""

    undo: str
    since: datetime
    failed: bool
    due: bool = False
    """Whether its time has come: a person's `done` is not said again to a new run."""
    last: bool = False
    """Whether a person said `done` since it failed: it is tried once more, and then given up."""


class OthersSoFar(Model):
    """Who waits for this incident, and for which one it waits."""

    waiting: tuple[Waiting, ...]
    told: Ended | None
    joined: Joined | None
    ended: tuple[Ended, ...]
    left: tuple[str, ...] = ()
    """Those that needed a person, and were not waited for any longer."""


class SoFar(Model):
    """Everything that an open incident knows."""

    stage: Stage
    known: Known
    path: tuple[Passed, ...]
    timeline: tuple[Entry, ...]
    phases: tuple[Began, ...] = ()
    alert: AlertSoFar
    ladder: LadderSoFar
    question: QuestionSoFar
    heard: HeardSoFar = HeardSoFar()
    hold: HoldSoFar | None
    promises: tuple[PromiseSoFar, ...]
    others: OthersSoFar
    proposals: tuple[ProposalLine, ...] = Field(default=(), exclude_if=lambda lines: not lines)


class Opened(Alert):
    """What a run begins with: an alert; and in a later run of its incident everything that is known."""

    so_far: SoFar | None = None

    @property
    def alert(self) -> Alert:
        return Alert.model_validate(self.model_dump(exclude={"so_far"}))
