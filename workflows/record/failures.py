"""What was tried, what failed, and who allowed it: in one line, for the timeline and for people."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.approved_by import nobody_was_asked
    from models.incident.dry_run import Answer
    from models.incident.incident import Performed


def in_short(error: BaseException) -> str:
    """The first cause: the wrapper only says that something failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__


def tried(performed: Performed) -> str:
    """What was done; where it was not, or nobody knows whether it was, that it was tried."""
    if performed.done:
        return performed.plan.says
    return f"tried to {performed.plan.says}{', whether that happened is unknown' if performed.lost else ''}"


def answer_of(performed: Performed) -> Answer:
    """Who allowed what was done: the configuration, or a person."""
    return Answer.POLICY if nobody_was_asked(performed.approved_by) else Answer.APPROVED
