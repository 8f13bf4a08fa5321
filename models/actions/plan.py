"""The plan that a person approves, alone or as one of several, and which risks need no approval.

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
"""Bytes of one plan, or of a whole choice, as JSON. It travels in orders, states and reviews, each of
which is one payload."""


class Plan(Model):
    """The exact actions of one fix on one service, in order. An approval names its digest.

    Raises `ValueError` for steps on two services, each of which has a steward of its own, and for
    what is too large to be sent.
    """

    steps: tuple[Action, ...] = Field(min_length=1)
    why: str
    proposed_by: str = Field(default="", exclude_if=lambda by: not by)
    """The person or program; empty for a plan that the runbook made."""

    @model_validator(mode="after")
    def _one_service(self) -> Self:
        names = sorted({step.service.name for step in self.steps})
        if len(names) > 1:
            raise ValueError(f"a plan is for one service, not for {' and '.join(names)}: make one plan each")
        return self

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        check_size(self, "a plan")
        return self

    @property
    def plans(self) -> tuple[Plan, ...]:
        """What is offered: this plan alone."""
        return (self,)

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

    @property
    def essence(self) -> str:
        """Twelve hexadecimal digits over what it does, by which it is known that this was done before.

        Neither what was seen of it, nor whether a step that may fail is one of its steps, makes it another.
        """
        needed = [step.repeats for step in self.steps if not step.optional]
        text = "\n".join(needed or (step.repeats for step in self.steps))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def risk(self, overrides: Mapping[str, Risk]) -> Risk:
        """The highest risk among the steps, after the configuration's overrides by kind."""
        risks = (overrides.get(step.kind, step.risk) for step in self.steps)
        return max(risks, key=lambda risk: risk.rank)


class Choice(Model):
    """Several exact plans for one service, of which a person takes one; none is ever taken unasked.

    Raises `ValueError` for plans of two services, for two that do the same, and for what is too large
    to be sent.
    """

    recommended: Plan
    others: tuple[Plan, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _can_be_chosen_from(self) -> Self:
        names = sorted({plan.service.name for plan in self.plans})
        if len(names) > 1:
            raise ValueError(f"a choice is for one service, not for {' and '.join(names)}: ask for each")
        if len({plan.digest for plan in self.plans}) < len(self.plans):
            raise ValueError("two plans of a choice do the same: offer each once")
        check_size(self, "a choice")
        return self

    @property
    def plans(self) -> tuple[Plan, ...]:
        """What is offered: the recommended plan first."""
        return (self.recommended, *self.others)

    @property
    def service(self) -> Service:
        return self.recommended.service


Offer = Plan | Choice
"""What a fix may make: one plan, or several to choose from."""


def offered(*plans: Plan | None) -> Offer | None:
    """Those plans that are possible, the recommended one first: a choice, one plan, or nothing."""
    possible = {plan.digest: plan for plan in plans if plan is not None}
    if not possible:
        return None
    recommended, *others = possible.values()
    return Choice(recommended=recommended, others=tuple(others)) if others else recommended


def check_size(model: Model, what: str) -> None:
    """Raises `ValueError` when it is larger than `LARGEST`."""
    size = len(model.model_dump_json().encode())
    if size > LARGEST:
        raise ValueError(f"{what} of {in_bytes(size)} is more than {in_bytes(LARGEST)}: make it smaller")


AUTOMATIC: Mapping[Severity, tuple[Risk, ...]] = {
    Severity.CRITICAL: (Risk.SAFE, Risk.GUARDED),
    Severity.WARNING: (Risk.SAFE,),
    Severity.INFO: (),
}
"""Risks that need no approval, by severity."""


WHEN_URGENT: Mapping[Severity, tuple[Risk, ...]] = {
    **AUTOMATIC,
    Severity.WARNING: (Risk.SAFE, Risk.GUARDED),
}
"""The same for a cause that cannot wait for an answer."""


class LookBack(Model):
    """Asks whether an action whose outcome was lost happened after `asked_at`."""

    action: Action
    asked_at: datetime

    @property
    def runs_at(self) -> Service:
        return self.action.service
