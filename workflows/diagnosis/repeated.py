"""What was done already, by any incident, and did not help, is not repeated unasked."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.incidents.stewardship import HistorySeen
    from models.actions.plan import Offer, Plan
    from workflows.diagnosis.causes import Fix
    from workflows.diagnosis.situation import Situation


def in_vain(plan: Offer | None, now: Situation, since: datetime) -> Plan | None:
    """The same plan, saying when it was done before; None for one that is done for the first time.

    What stands still is started again: how often is the business of its crashes.
    """
    if not isinstance(plan, Plan) or plan.service.name != now.service.name or not now[looks.process].running:
        return None
    return done_since(plan, now[looks.history], since)


def done_since(plan: Plan, history: HistorySeen, since: datetime) -> Plan | None:
    """The same, by what the steward of the plan's service remembers."""
    before = history.did_since(plan.says, since)
    if before is None:
        return None
    why = f"done before, at {before.finished_at:%H:%M} UTC, and it did not help: {plan.why}"
    return plan.model_copy(update={"why": why})


def exactly(plan: Plan) -> Fix:
    """This very plan, whatever is seen."""
    return lambda _: plan
