"""One row of a test for each row of a causes table: what is seen, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from models.incident.incident import Outcome
from tests.workflows.scenes import Scene


@dataclass(frozen=True)
class Row:
    """`done` is what was changed, in order. Either the policy allows it, or it `asks` a person
    first; or it `needs_a_human`, and nothing is changed at all."""

    cause: str
    scene: Scene
    done: tuple[str, ...] = ()
    asks: bool = False
    needs_a_human: bool = False
    person_first: bool = False
    """A person is asked to do something before anything is changed, and says `done`."""
    reports: bool = False
    """It ends in a report, which somebody acknowledges; nothing is changed."""
    pages: tuple[str, ...] = ("On-Call",)
    also_seen: tuple[str, ...] = ()
    service: str = "backend"
    labels: dict[str, str] = field(default_factory=dict)
    """Of the alert."""
    configuration: dict[str, Any] = field(default_factory=dict)
    variant: str = ""
    outcome: Outcome = Outcome.RESOLVED
    """How it ends where nobody has to take over."""

    @property
    def title(self) -> str:
        return f"{self.cause}, {self.variant}" if self.variant else self.cause
