"""The post-incident review: the last thing that every incident writes."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.base import Model
from models.incident.alert import Alert
from models.incident.alert_life import Instance
from models.incident.incident import Entry, Outcome, Performed
from models.incident.report import Report
from models.names import Severity

CHECKLIST = {
    "Document": ("Root cause analysis", "Timeline of events", "Actions taken", "Resolution time"),
    "Update": ("Runbook with new issue", "Alert thresholds if needed", "Monitoring coverage gaps"),
    "Prevent": ("Add test case", "Improve observability", "Consider redundancy"),
    "Share": ("Team retrospective", "Update documentation", "Train team on response"),
}
"""Follow-up work after an incident: four lists, as open boxes."""


class EvidenceLine(Model):
    name: str
    finding: str
    reason: str


class Review(Model):
    """Summary, timeline, cause and evidence, what was done and by whom approved, times, open boxes."""

    summary: str
    outcome: Outcome
    cause: str
    also_seen: tuple[str, ...] = ()
    incident: str
    run_id: str
    runbook: str
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
    began_at: datetime
    detected_after: timedelta
    responded_after: timedelta | None
    resolved_after: timedelta
    respond_within: timedelta
    links: dict[str, str] = {}
    log_tail: tuple[str, ...] = ()
    instances: dict[str, Instance] = {}
    """What was known of each instance of the alert at the end: the intake knows a late copy by it."""
    report: Report | None = None
    """For an incident that ends in a report, and changes nothing."""
    short: bool = False
    """The short form, for what was not critical."""


class StoredReview(Model):
    """Where the review was written, as Markdown."""

    path: str
