"""What a heap that grows may mean."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from workflows.diagnosis.how_it_runs import is_young
    from workflows.diagnosis.situation import Situation


def needs_it(now: Situation) -> bool:
    """More requests need more memory; and what has just started loads what it needs."""
    return now[looks.memory].grows_with_traffic or is_young(now)
