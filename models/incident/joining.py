"""How one incident waits for another: joined if it is open, started if it is not."""

from __future__ import annotations

from models.base import Model
from models.incident.alert import Alert
from models.incident.incident import Outcome
from models.names import Severity


class Waiting(Model):
    """The run that waits for the end of another."""

    incident: str
    run_id: str


class Join(Model):
    """Join the incident of this alert, or start it with this runbook."""

    alert: Alert
    runbook: str
    severity: Severity = Severity.CRITICAL
    waiting: Waiting


class Joined(Model):
    """The incident that is worked on, whether it was open already, and whether it could be told who waits."""

    incident: str
    run_id: str
    was_open: bool
    told: bool


class EndOf(Model):
    """The request for the end of one run of an incident, if it has ended."""

    incident: str
    run_id: str


class Ended(Model):
    """How the joined incident ended, or that it escalated and needs a person."""

    incident: str
    run_id: str
    outcome: Outcome | None
    """None when it was terminated or failed: the outcome is unknown."""
    summary: str
    escalated: bool = False


class Standing(Model):
    """The state of an incident: `ended` is None while it is open and has not escalated."""

    ended: Ended | None
