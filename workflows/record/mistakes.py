"""Mistakes in the product's own code: each is logged, noted and found by `doctor`, and stops no run.

the page of a runbook   escalates to a person; the run can be told and closed
a message               is dropped (`workflows.record.guarded_messages`)
what runs beside        goes on
"""

from __future__ import annotations

import traceback

from temporalio import workflow
from temporalio.exceptions import FailureError, TemporalError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.incident.search_attributes import FAULT, OWN_CODE
    from workflows.record.timeline import Timeline

LONGEST = 200


def raise_temporals_own(error: Exception) -> None:
    """Raise what is no mistake, and must reach Temporal: a cancellation, a replay that goes another way."""
    if is_cancelled_exception(error):
        raise error
    if isinstance(error, TemporalError) and not isinstance(error, FailureError):
        raise error


def described(error: Exception) -> str:
    """What went wrong, and in which line, in one sentence. Of a long message the first line only:
    those that follow may show values."""
    said = (str(error).splitlines() or [""])[0][:LONGEST]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [one for one in frames if "/workflows/" in one.filename or "/models/" in one.filename]
    where = f" in {ours[-1].name}, line {ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{where}: {said}"


class Mistakes:
    """The mistakes of one incident's run."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._noted: set[str] = set()

    def note(self, doing: str, error: Exception) -> str:
        """Note what failed, once; the sentence that tells it. Raises what must reach Temporal."""
        raise_temporals_own(error)
        told = f"a mistake in the product's own code while {doing}: {described(error)}"
        if told not in self._noted:
            self._noted.add(told)
            workflow.logger.error(told, exc_info=error)
            workflow.upsert_search_attributes([FAULT.value_set(OWN_CODE)])
            self._timeline.add(told)
        return told
