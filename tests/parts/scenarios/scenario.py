"""What a scenario is: one cause of one runbook, broken for real, and everything that is to follow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demo.faults import FAULTS
from demo.faults.fault import Inject
from demo.systems.services import BACKEND
from models.incident.incident import Outcome, Phase
from models.names import incident_id

if TYPE_CHECKING:
    from tests.parts.product.pipeline import Pipeline, Run
    from tests.parts.scenarios.play import Played

Configure = Callable[[dict[str, Any]], None]
"""Edits `runbooks.yaml` for one scenario, as an operator would."""

Meanwhile = Callable[["Pipeline", "Run"], Awaitable[None]]
Afterwards = Callable[["Pipeline", "Played"], Awaitable[None]]


def as_it_is(_: dict[str, Any]) -> None:
    """The stack's configuration needs no edit."""


@dataclass(frozen=True)
class Scenario:
    """One row of a runbook's table. Add a row, and it is played on the stack that it names."""

    name: str
    runbook: str
    cause: str
    """The cause to be named; empty when the page is left before a diagnosis."""
    faults: tuple[str | Inject, ...] = ()
    """Injected one after the other; the alert comes last. Each is of the demo, by its name in
    `demo.faults.FAULTS`, or the runbook's own."""
    healed_before: tuple[str, ...] = ()
    """Faults that each have an incident of their own before, and are healed without a question."""
    service: str = BACKEND
    labels: dict[str, str] = field(default_factory=dict)
    """What else the alert says."""
    stack: str = "supervisord"
    """One of `stage.STACKS`."""
    action: tuple[str, ...] = ()
    """The kinds of the steps carried out, in order."""
    says: tuple[str, ...] = ()
    """Words that the plans, and what was found afterwards, must hold."""
    outcome: Outcome = Outcome.RESOLVED
    approved_by: tuple[str, ...] = ()
    """Who approves each question, in order. A question that nobody is named for fails the scenario."""
    takes: str = ""
    """The kind of the first step of the plan that they take, where that is not the recommended one."""
    also_seen: tuple[str, ...] | None = ()
    """None where that depends on how fast the machine is."""
    timeline: tuple[str, ...] = ()
    """Words that the timeline must hold: why it was escalated, whom it paged, what it waited for."""
    evidence: dict[str, str] = field(default_factory=dict)
    """Words in the reason of an evidence, by its name."""
    reports: bool = False
    """It ends in a report, which a person acknowledges once it is there."""
    resolved_when: Phase | None = None
    """The alert is resolved by itself when the incident reaches this phase."""
    configure: Configure = as_it_is
    meanwhile: Meanwhile | None = None
    """What happens in the world once the incident was answered, and before its review is awaited."""
    afterwards: Afterwards | None = None
    """A look at the systems themselves, while the fault is still there."""
    within: float = 120.0
    """Seconds from the alert to the review."""
    alone: bool = False
    """Whether it measures what the machine can do, and so has the machine for itself."""

    @property
    def incident(self) -> str:
        return incident_id(self.runbook, self.service)

    @property
    def escalates(self) -> bool:
        """A human takes over; the harness says `done` for that person."""
        return self.outcome is Outcome.CLOSED_BY_HUMAN and not self.reports

    def __post_init__(self) -> None:
        names = [one for one in (*self.healed_before, *self.faults) if isinstance(one, str)]
        unknown = [name for name in names if name not in FAULTS]
        assert not unknown, f"{self.name}: no such fault: {', '.join(unknown)}"
