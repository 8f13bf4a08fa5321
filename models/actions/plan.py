"""The plan that a person approves, and which risks need no approval.

The risk class of an action stands with it and can be overridden in `runbooks.yaml`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import Field, model_validator

from models.actions.change import Risk
from models.actions.kinds import Action
from models.base import Model, in_bytes
from models.names import Severity
from models.service.service import Service

LARGEST = 256 * 1024
"""Bytes of one plan as JSON. It travels in orders, states and reviews, each of which is one payload."""


class Plan(Model):
    """The exact actions of one fix on one service, in order. An approval names its digest.

    Raises `ValueError` for steps on two services, each of which has a steward of its own, and for
    what is too large to be sent.
    """

    steps: tuple[Action, ...] = Field(min_length=1)
    why: str

    @model_validator(mode="after")
    def _one_service(self) -> Self:
        names = sorted({step.service.name for step in self.steps})
        if len(names) > 1:
            raise ValueError(f"a plan is for one service, not for {' and '.join(names)}: make one plan each")
        return self

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        size = len(self.model_dump_json().encode())
        if size > LARGEST:
            raise ValueError(f"a plan of {in_bytes(size)} is more than {in_bytes(LARGEST)}: make it smaller")
        return self

    @property
    def service(self) -> Service:
        return self.steps[0].service

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits over the exact steps: any change of the plan changes it."""
        text = "\n".join(step.model_dump_json() for step in self.steps)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def says(self) -> str:
        return ", then ".join(step.says for step in self.steps)

    def risk(self, overrides: Mapping[str, Risk]) -> Risk:
        """The highest risk among the steps, after the configuration's overrides by kind."""
        risks = (overrides.get(step.kind, step.risk) for step in self.steps)
        return max(risks, key=lambda risk: risk.rank)


AUTOMATIC: Mapping[Severity, tuple[Risk, ...]] = {
    Severity.CRITICAL: (Risk.SAFE, Risk.GUARDED),
    Severity.WARNING: (Risk.SAFE,),
    Severity.INFO: (),
}
"""Risks that need no approval, by severity."""


class LookBack(Model):
    """Asks whether an action whose outcome was lost happened after `asked_at`."""

    action: Action
    asked_at: datetime

    @property
    def runs_at(self) -> Service:
        return self.action.service
