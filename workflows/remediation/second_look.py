"""A second look before anything is done: what was approved was approved for what was seen then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.actions.plan import Plan
    from models.evidence.evidence import Evidence
    from workflows.diagnosis.causes import Fix
    from workflows.diagnosis.look import LOOKS_BROUGHT, Look
    from workflows.diagnosis.situation import Situation
    from workflows.record.endings import Withdrawn

EVERY_LOOK: tuple[Look[Evidence], ...] = tuple(one for one in vars(looks).values() if isinstance(one, Look))

IsTrue = Callable[[Situation], Awaitable[Evidence]]
"""Confirms an alert. Leaves the page when it is not true any more."""


async def still_fits(
    plan: Plan, fix: Fix, now: Situation, look: Callable[..., Awaitable[Situation]], is_true: IsTrue | None
) -> None:
    """Take every look once more. Leaves the page when the alert is not true any more, and begins it anew
    when the fix would be another plan."""
    now = await looked_again(now, look)
    if is_true:
        await is_true(now)
        now = await look()
    offer = fix(now)
    if offer is None or plan.digest not in [one.digest for one in offer.plans]:
        raise Withdrawn(f"what was approved does not fit any more: {plan.says}")


async def looked_again(now: Situation, look: Callable[..., Awaitable[Situation]]) -> Situation:
    """Everything that was looked at, as it is now; the process first, which other looks ask about."""
    seen = [one for one in (*EVERY_LOOK, *LOOKS_BROUGHT.values()) if one.name in now.seen.by_name]
    await look(*(one for one in seen if one is looks.process))
    return await look(*(one for one in seen if one is not looks.process))
