"""The causes table: evidence → fix.

A runbook's causes are rows of data. They are walked in order; the first whose evidence matches
is the cause, the others that match are kept as "also seen". The operator's page of each runbook
is generated from the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.plan import Offer, Plan
    from models.evidence.evidence import VerificationResult
    from workflows.diagnosis.situation import Situation, pointing, what_points


Fix = Callable[[Situation], Offer | None]
"""Makes the exact plan, several of which a person chooses one, or None where only a person can continue."""
Revert = Callable[[Situation], Plan | None]
"""Makes the exact plan that reverts a temporary fix."""


def never(_: Situation) -> bool:
    """Nothing contradicts a cause; nothing but its own proof reverts a change."""
    return False


class Until(Protocol):
    """A verification, or a moment that is waited for."""

    async def over(self, now: Situation, since: datetime | None = None) -> VerificationResult: ...


@dataclass(frozen=True)
class Undo:
    """How a temporary fix is reverted, and the verification that says when.


    `workflows.diagnosis.undos` lists them all: a later run of an incident finds its promise there.
    """

    name: str
    fix: Revert
    when: Until
    with_alert: Callable[[Situation], bool] = never
    """Whether the end of the alert reverts it as well."""
    with_the_incident: bool = False
    """Whether it is reverted when the incident ends, although its time has not come."""


UndoOf = Callable[[Plan], Undo | None]
"""The undo of the plan that was chosen among several; None for what is done for good."""


def no_hurry(_: Situation) -> str:
    """It can wait for a person."""
    return ""


@dataclass(frozen=True)
class Cause:
    """One row. `evidence`, `contradicted_by` and `remedy` are its prose; `matches`, `contradicts` and
    `fix` are the same in code."""

    name: str
    evidence: str
    matches: Callable[[Situation], bool]
    remedy: str
    fix: Fix
    pages: str | None = None
    """The specialist who is paged at once, by topic."""
    unless: Callable[[Situation], bool] = never
    """When it comes back by itself, as far as it says: the specialist is not paged for that."""
    undo: Undo | UndoOf | None = None
    """For a fix that is only for now; a function where that depends on the plan that was chosen."""
    contradicted_by: str = ""
    contradicts: Callable[[Situation], bool] = never
    """What speaks against it though it matches: then it is not the cause."""
    asks: bool = False
    """Whether a person is asked first, whatever the risk of its fix."""
    asks_if: Callable[[Situation], bool] = never
    """When a person is asked first, although its risk would let it be done."""
    urgent: Callable[[Situation], str] = no_hurry
    """Why its fix cannot wait for an answer: what is guarded is then done at once. Empty when it can."""

    def asks_of(self, now: Situation) -> bool:
        """Whether a person is asked first, always or because of what was seen."""
        return self.asks or self.asks_if(now)


def ask_a_human(_: Situation) -> Plan | None:
    """No fix is known that the product may try."""
    return None


UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="ask a person",
    fix=ask_a_human,
)


class Walked(NamedTuple):
    """The cause, and what else the evidence speaks for: by name."""

    cause: Cause
    also_seen: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()
    """These match as well, and are contradicted."""
    pointing: str = ""
    """The evidence by which the cause matches; empty where nothing is needed for that."""
    points: tuple[str, ...] = ()
    """The names of these looks."""

    @property
    def says(self) -> str:
        also = f"; also seen: {', '.join(self.also_seen)}" if self.also_seen else ""
        out = f"; ruled out: {', '.join(self.ruled_out)}" if self.ruled_out else ""
        return f"{self.cause.name}{also}{out}"


def walk(table: Sequence[Cause], situation: Situation, otherwise: Cause = UNKNOWN) -> Walked:
    """The first row that matches and that nothing contradicts, and what became of the other matches."""
    matching = [cause for cause in table if cause.matches(situation)]
    against = [cause for cause in matching if cause.contradicts(situation)]
    found = [cause for cause in matching if cause not in against]
    ruled_out = tuple(f"{cause.name} ({cause.contradicted_by})" for cause in against)
    also_seen = tuple(other.name for other in found[1:])
    cause = found[0] if found else otherwise
    points = what_points(cause.matches, situation)
    return Walked(cause, also_seen, ruled_out, pointing(points, situation), points)
