"""One typed change of a service, and the plan that a person approves.

Every action says what it does, what it changes and how it is undone, in words for the person
who is asked at 3 a.m. Its risk class comes from the table below and can be overridden in
`runbooks.yaml`. None carries anything that came in with an alert.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from models.alert import Severity
from models.base import Model, in_bytes
from models.service import RollBackScript, Service


class Risk(StrEnum):
    """What an action may cost: `safe` nothing, `guarded` a short outage, `dangerous` data or reach."""

    SAFE = "safe"
    GUARDED = "guarded"
    DANGEROUS = "dangerous"

    @property
    def rank(self) -> int:
        return list(Risk).index(self)


class Change(Model):
    """What every action has: the service it changes, and why."""

    risk: ClassVar[Risk]
    service: Service

    @property
    def says(self) -> str:
        """What is done, as an order."""
        raise NotImplementedError

    @property
    def changes(self) -> str:
        """What is different afterwards."""
        raise NotImplementedError

    @property
    def undo(self) -> str:
        """How it is taken back; empty when it cannot be."""
        return ""


class StartService(Change):
    """Start a service that is stopped. Does nothing if it was started after `asked_at`."""

    risk = Risk.SAFE
    kind: Literal["start-service"] = "start-service"

    @property
    def says(self) -> str:
        return f"start {self.service.name}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} runs again with the configuration it had"

    @property
    def undo(self) -> str:
        return f"stop {self.service.name}"


class RestartService(Change):
    """Restart a running service, if it was started before it was asked for."""

    risk = Risk.GUARDED
    kind: Literal["restart-service"] = "restart-service"

    @property
    def says(self) -> str:
        return f"restart {self.service.name}"

    @property
    def changes(self) -> str:
        return f"requests in flight on {self.service.name} are lost; its memory is emptied"


class RaiseMemoryLimit(Change):
    """Raise the memory limit; the new limit in bytes."""

    risk = Risk.GUARDED
    kind: Literal["raise-memory-limit"] = "raise-memory-limit"
    from_bytes: int
    to_bytes: int

    @property
    def says(self) -> str:
        before, after = in_bytes(self.from_bytes), in_bytes(self.to_bytes)
        return f"raise the memory limit of {self.service.name} from {before} to {after}"

    @property
    def changes(self) -> str:
        more = in_bytes(self.to_bytes - self.from_bytes)
        return f"{self.service.name} may use {more} more of the host's memory"

    @property
    def undo(self) -> str:
        return f"set the limit back to {in_bytes(self.from_bytes)}"


class KillProcess(Change):
    """End the process that holds the service's port; refused if the PID now belongs to another."""

    risk = Risk.DANGEROUS
    kind: Literal["kill-process"] = "kill-process"
    pid: int
    process: str
    started_at: datetime
    port: int

    @property
    def says(self) -> str:
        return f"kill process {self.pid} ({self.process}), which listens on port {self.port}"

    @property
    def changes(self) -> str:
        return f"process {self.pid} is gone, and port {self.port} is free for {self.service.name}"


class RollBack(Change):
    """Go back to the version that was last seen healthy, or run the configured script once."""

    risk = Risk.DANGEROUS
    kind: Literal["roll-back"] = "roll-back"
    from_version: str
    to_version: str | None = None
    script: RollBackScript | None = None

    @property
    def says(self) -> str:
        if self.to_version is None:
            return f"roll {self.service.name} back with its configured script"
        return f"roll {self.service.name} back from {self.from_version} to {self.to_version}"

    @property
    def changes(self) -> str:
        return f"{self.service.name} is recreated; what {self.from_version} brought is gone"

    @property
    def undo(self) -> str:
        return f"deploy {self.from_version} again" if self.from_version else ""


class ScaleOut(Change):
    """Run more replicas of the service."""

    risk = Risk.GUARDED
    kind: Literal["scale-out"] = "scale-out"
    from_replicas: int
    to_replicas: int

    @property
    def says(self) -> str:
        return f"scale {self.service.name} from {self.from_replicas} to {self.to_replicas} replicas"

    @property
    def changes(self) -> str:
        more = self.to_replicas - self.from_replicas
        return f"{more} more container(s) of {self.service.name} run on its host"

    @property
    def undo(self) -> str:
        return f"scale {self.service.name} back to {self.from_replicas}"


Action = Annotated[
    StartService | RestartService | RaiseMemoryLimit | KillProcess | RollBack | ScaleOut,
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


A = TypeVar("A", bound=Change)


class Perform(Model, Generic[A]):
    """The request of every effect: the action, and since when it has been wanted.

    An effect that finds itself done after `asked_at` does nothing and says so, so that a lost
    answer never becomes a second restart.
    """

    action: A
    asked_at: datetime


class LookBack(Model):
    """Asked when the outcome of an effect was lost: did it happen since `asked_at`?"""

    action: Action
    asked_at: datetime


class Effect(Model):
    """What an action did, told by looking at the service afterwards."""

    done: bool
    found: str
    """One sentence: what was seen after the action, or why it was not done."""
    at: datetime
    before: str = ""
    after: str = ""
