"""The suite's report: one line a scenario, with the cause that was expected and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.parts.scenarios.play import Played
from tests.parts.scenarios.scenario import Scenario

_NONE = "-"


@dataclass
class Line:
    """What is known of one scenario; filled while it is played, so that a failed one is told too."""

    scenario: Scenario
    named: str = _NONE
    action: str = _NONE
    outcome: str = _NONE
    passed: bool = False

    def tell(self, played: Played) -> None:
        review = played.review
        self.named = review.cause or _NONE
        steps = [step.kind for one in review.performed for step in one.plan.steps]
        self.action = ", ".join(steps) or _NONE
        self.outcome = review.outcome
        people = sorted({person for person, _ in played.approvals})
        if people:
            self.action += f" (approved by {', '.join(people)})"

    def __str__(self) -> str:
        result = "ok" if self.passed else "FAILED"
        what = f"{self.scenario.runbook}: {self.scenario.name}"
        cause = f"expected {self.scenario.cause or _NONE}, named {self.named}"
        return f"{result:6}  {what:58}  {cause:64}  {self.action}  →  {self.outcome}"
