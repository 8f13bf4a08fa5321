"""The post-incident review: the last thing that every incident writes."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from models.base import Model
from models.evidence.evidence import Probes
from models.evidence.logged import LoggedError
from models.incident.alert import Alert
from models.incident.alert_life import Instance
from models.incident.dry_run import DryRun
from models.incident.incident import Entry, EvidenceLine, Outcome, Performed, Phase
from models.incident.report import Report
from models.names import Severity


class Doing(StrEnum):
    """Where the time of an incident goes, as its review says it."""

    COMING_IN = "before the alert came in"
    CHECKING = "checking the alert"
    DIAGNOSING = "diagnosing"
    DECISION = "waiting for a decision"
    ACTING = "acting"
    VERIFYING = "verifying"
    WATCHING = "waiting and watching"
    NOBODY = "waiting for a person"
    PERSON = "with a person"
    OTHER = "waiting for another incident"
    PAUSED = "paused"
    CLOSING = "closing"
    UNKNOWN = "not kept: too many changes"
    ENDED = "ended"

    @classmethod
    def of(cls, phase: Phase) -> Doing:
        """What an incident does in a phase, unless it waits."""
        return _IN_PHASE[phase]


_IN_PHASE = {
    Phase.TRIAGE: Doing.CHECKING,
    Phase.DIAGNOSING: Doing.DIAGNOSING,
    Phase.AWAITING_APPROVAL: Doing.DECISION,
    Phase.PAUSED: Doing.PAUSED,
    Phase.ACTING: Doing.ACTING,
    Phase.VERIFYING: Doing.VERIFYING,
    Phase.RESOLVED: Doing.CLOSING,
    Phase.ESCALATED: Doing.PERSON,
    Phase.CLOSED: Doing.ENDED,
}


class Began(Model):
    """What an incident did from this moment on, until the next."""

    at: datetime
    doing: Doing


class Review(Model):
    """What happened, why, what was done and by whom, and what is left: for who was not there."""

    summary: str
    outcome: Outcome
    cause: str
    """Empty where none was looked for."""
    why_cause: str = ""
    """What the runbook's row of this cause asks of the evidence."""
    not_if: str | None = None
    """What would contradict it, and was not seen; empty where nothing would, None where that was not kept."""
    pointing: str = ""
    """The evidence by which that row matched: `process: exited with code 1`."""
    known_at: datetime | None = None
    """When the newest evidence was read that was known when the cause was named: the clock of a workflow
    stands while it looks, so that may be later than the line that names it."""
    also_seen: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    """Causes that matched as well, each with what contradicts it."""
    incident: str
    run_id: str
    runbook: str
    hurts: str = ""
    """Whom what the alert tells of hurts, and how, as the runbook says; empty where it does not."""
    alert: Alert
    severity: Severity
    evidence: tuple[EvidenceLine, ...] = ()
    performed: tuple[Performed, ...] = ()
    handed_to: tuple[str, ...] = ()
    """The incidents that repaired a dependency; each has its own review."""
    did_not_help: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    """What a reader must know: a source that did not agree, a deadline that fired late, a blind spot."""
    timeline: tuple[Entry, ...] = ()
    phases: tuple[Began, ...] = ()
    """From when it came in to its end; empty where a version that kept none led a part of it."""
    began_at: datetime
    detected_after: timedelta
    responded_after: timedelta | None
    """Until the first word of a person; None where nobody said anything."""
    acted_after: timedelta | None = None
    """Until the first action; None where nothing was done."""
    resolved_after: timedelta
    respond_within: timedelta
    links: dict[str, str] = {}
    log_tail: tuple[str, ...] = ()
    last_error: LoggedError | None = None
    """In its log."""
    probes: Probes = Probes()
    """The samples of its last verification."""
    instances: dict[str, Instance] = {}
    """What was known of each instance of the alert at the end: the intake knows a late copy by it."""
    report: Report | None = None
    """For an incident that ends in a report, and changes nothing."""
    dry_run: DryRun | None = None
    """For a dry run: what would have been done, and what happened without it."""
    short: bool = False
    """The short form, for what was not critical: without the lists for the team and the end of the log."""


class StoredReview(Model):
    """Where the review was written, as Markdown."""

    path: str
