"""What `runbooks.yaml` says about one alert name."""

from __future__ import annotations

from pydantic import Field

from models.actions.change import Risk
from models.answers.answer import Answer
from models.base import Configured, Duration, Interval
from models.incident.policy import Thresholds
from models.names import ServiceName, Severity
from models.service.addresses import WebLink

ANY_TOPIC = "any-alert"
"""The row of the escalation matrix for alerts that name no other."""

Risks = dict[str, Risk]


class AlertRule(Configured):
    """What is done about one alert name. Every key may be left out."""

    runbook: str | None = None
    """A runbook; by default the one named as the alert, else `AnyAlert`."""
    severity: Severity | None = None
    """By default what the alert's own `severity` label says, else warning."""
    respond_within: Interval | None = None
    """By default 5 minutes, 30 minutes or 4 hours, by severity."""
    page_after: Duration | None = None
    """By default that of the whole file."""
    topic: str = ANY_TOPIC
    """The row of the escalation matrix."""
    service: ServiceName | None = None
    """Where the alert belongs when none of its labels names a service."""
    thresholds: Thresholds = Thresholds()
    risks: Risks = Field(default_factory=dict)
    """Overrides of the risk by kind of action, for this alert."""
    links: dict[str, WebLink] = Field(default_factory=dict)
    answer: Answer | None = None
    """What is done about it where no runbook of code is needed: a restart, or a script."""
    dry_run: bool = False
    """Whether what its runbook would do is recorded, and not done."""
