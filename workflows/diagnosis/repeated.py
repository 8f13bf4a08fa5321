"""What is not done unasked: what was done already and did not help, and what somebody stopped."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.incidents.stewardship import HistorySeen
    from models.actions.plan import Offer, Plan
    from models.base import in_words
    from workflows.diagnosis.causes import Fix
    from workflows.diagnosis.situation import Situation


def in_vain(plan: Offer | None, now: Situation, since: datetime) -> Plan | None:
    """The same plan, saying when it was done before; None for one that is done for the first time.

    Before is since the alert began; or so often within the crash window that what comes back is only put
    off. What stands still is started again: how often is the business of its crashes.
    """
    if not isinstance(plan, Plan) or plan.service.name != now.service.name or not now[looks.process].running:
        return None
    return done_since(plan, now[looks.history], since) or _too_often(plan, now)


def done_since(plan: Plan, history: HistorySeen, since: datetime) -> Plan | None:
    """The same, by what the steward of the plan's service remembers."""
    before = history.did_since(plan.essence, since)
    if not before:
        return None
    return _saying(f"done before, at {before[0].finished_at:%H:%M} UTC, and it did not help", plan)


def stopped_on_purpose(offer: Offer | None, now: Situation) -> bool:
    """Whether it is for a service that somebody stopped, who is asked before it is started again."""
    return offer is not None and offer.service.name == now.service.name and now[looks.process].stopped


def _too_often(plan: Plan, now: Situation) -> Plan | None:
    thresholds = now.policy.thresholds
    before = now[looks.history].did_since(plan.essence, workflow.now() - thresholds.crash_window)
    if len(before) < thresholds.crash_limit:
        return None
    return _saying(
        f"done {len(before)} times within {in_words(thresholds.crash_window)}, and it comes back", plan
    )


def _saying(before: str, plan: Plan) -> Plan:
    return plan.model_copy(update={"why": f"{before}: {plan.why}"})


def exactly(plan: Plan) -> Fix:
    """This very plan, whatever is seen."""
    return lambda _: plan
