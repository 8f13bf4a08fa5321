"""Whether what answers an alert without code agrees with the rest of its rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from models.actions.change import Risk
from models.actions.plan import AUTOMATIC
from models.answers.answer import Approval
from models.configuration.alert_rule import AlertRule
from models.configuration.consistency import Mistake
from models.names import CONFIGURED_ANSWER


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
