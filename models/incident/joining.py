"""How one incident waits for another: joined if it is open, started if it is not."""

from __future__ import annotations

from models.base import Model
from models.incident.alert import Alert
from models.incident.incident import Outcome
from models.names import Severity


class Join(Model):
    """Join the incident of this alert, or start it with this runbook."""

    alert: Alert
    runbook: str
    severity: Severity = Severity.CRITICAL


class Joined(Model):
    """The incident that is worked on, and whether it was open already."""

    incident: str
    run_id: str
    was_open: bool


class EndOf(Model):
    """The request for the end of an incident; answered when it closes."""

    incident: str
    run_id: str


class Ended(Model):
    """How the joined incident ended."""

    incident: str
    outcome: Outcome | None
    """None when it was terminated or failed: nobody knows."""
    summary: str
