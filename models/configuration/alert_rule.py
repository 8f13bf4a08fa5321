"""What `runbooks.yaml` says about one alert name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from models.actions.change import Risk
from models.actions.plan import AUTOMATIC
from models.answers.answer import Answer, Approval
from models.base import Configured, Duration, Interval
from models.configuration.consistency import Mistake
from models.incident.policy import Thresholds
from models.names import CONFIGURED_ANSWER, ServiceName, Severity
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


def mistakes_of_answers(alerts: Mapping[str, AlertRule]) -> Iterator[Mistake]:
    """Two answers to one alert, none where one is named, and an approval that is never automatic."""
    for name, rule in alerts.items():
        at = ("alerts", name)
        if rule.answer is None:
            if CONFIGURED_ANSWER in (name, rule.runbook):
                yield Mistake(at, f"{CONFIGURED_ANSWER} does what `answer` says, and there is none: add it")
            continue
        if rule.runbook not in (None, CONFIGURED_ANSWER):
            text = "an alert has a runbook or an `answer`, not both: remove one of them"
            yield Mistake((*at, "runbook"), text)
        risk = rule.answer.risk or rule.risks.get(rule.answer.kind) or Risk.GUARDED
        said = rule.answer.approval is Approval.AUTOMATIC and rule.severity is not None
        if said and rule.severity and risk not in AUTOMATIC[rule.severity]:
            automatic = " or ".join(AUTOMATIC[rule.severity])
            cure = f"write risk: {automatic}" if automatic else "write approval: required"
            text = f"what is {risk} is never automatic at severity {rule.severity}: {cure}"
            yield Mistake((*at, "answer", "approval"), text)
