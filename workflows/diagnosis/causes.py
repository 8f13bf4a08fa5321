"""The causes table: evidence → fix.

A runbook's causes are rows of data. They are walked in order; the first whose evidence matches
is the cause, the others that match are kept as "also seen". The operator's page of each runbook
is generated from the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.plan import Plan
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.verifications import Verification


Fix = Callable[[Situation], Plan | None]
"""Makes the exact plan, or None where only a human can go on."""


@dataclass(frozen=True)
class Undo:
    """How a temporary fix is taken back, and the watch that says when."""

    fix: Fix
    when: Verification


@dataclass(frozen=True)
class Cause:
    """One row. `evidence` and `remedy` are its prose, `matches` and `fix` the same in code."""

    name: str
    evidence: str
    matches: Callable[[Situation], bool]
    remedy: str
    fix: Fix
    pages: str | None = None
    """The specialist who is paged at once, by topic."""
    undo: Undo | None = None
    """For a fix that is only for now."""


def ask_a_human(_: Situation) -> Plan | None:
    """No fix is known that the product may try."""
    return None


UNKNOWN = Cause(
    name="unknown",
    evidence="nothing in the table matches",
    matches=lambda _: True,
    remedy="ask a human",
    fix=ask_a_human,
)


def walk(
    table: Sequence[Cause], situation: Situation, otherwise: Cause = UNKNOWN
) -> tuple[Cause, tuple[str, ...]]:
    """The first row that matches, and the names of the others that do."""
    found = [cause for cause in table if cause.matches(situation)]
    return (found[0] if found else otherwise), tuple(other.name for other in found[1:])
