"""Every action, the plan that a person approves, and what may be done without asking.

The risk class of an action stands with it and can be overridden in `runbooks.yaml`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import Field

from models.actions.change import Change, Effect, Perform, Risk
from models.actions.database import RaiseMaxConnections, RestartDatabase, TerminateSessions
from models.actions.service import (
    KillProcess,
    RaiseMemoryLimit,
    RestartService,
    RollBack,
    ScaleOut,
    StartService,
)
from models.actions.surroundings import (
    CleanUpFiles,
    Degrade,
    ReattachNetwork,
    RestoreService,
    SetEnvironment,
)
from models.base import Model
from models.names import Severity
from models.service.service import Service

__all__ = [
    "AUTOMATIC",
    "Action",
    "Change",
    "CleanUpFiles",
    "Degrade",
    "Effect",
    "KillProcess",
    "LookBack",
    "Perform",
    "Plan",
    "RaiseMaxConnections",
    "RaiseMemoryLimit",
    "ReattachNetwork",
    "RestartDatabase",
    "RestartService",
    "RestoreService",
    "Risk",
    "RollBack",
    "ScaleOut",
    "SetEnvironment",
    "StartService",
    "TerminateSessions",
]

Action = Annotated[
    StartService
    | RestartService
    | RaiseMemoryLimit
    | KillProcess
    | RollBack
    | ScaleOut
    | RestartDatabase
    | TerminateSessions
    | RaiseMaxConnections
    | SetEnvironment
    | ReattachNetwork
    | CleanUpFiles
    | Degrade
    | RestoreService,
    Field(discriminator="kind"),
]


class Plan(Model):
    """The exact actions of one fix, in order. An approval names its digest and nothing else."""

    steps: tuple[Action, ...] = Field(min_length=1)
    why: str

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
"""What is done without asking, by severity (the common shape of the runbooks). The rest asks."""


class LookBack(Model):
    """Asked when the outcome of an effect was lost: did it happen since `asked_at`?"""

    action: Action
    asked_at: datetime
