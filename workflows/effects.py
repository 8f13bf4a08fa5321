"""How each kind of action is performed: which activity, and how long it may take.

An effect has one attempt. When its outcome is lost, the service is looked at before anything
else happens, and what is seen there is the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.effects import EffectActivities
    from models.action import Action, Effect, LookBack, Perform

ONE_ATTEMPT = RetryPolicy(maximum_attempts=1)
LOOKING_BACK = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=20)


@dataclass(frozen=True)
class Performance:
    """The activity that performs one kind of action, and its bound."""

    activity: Callable[..., Any]
    within: timedelta


PERFORMANCES: dict[str, Performance] = {
    "start-service": Performance(EffectActivities.start_service, timedelta(minutes=2)),
    "restart-service": Performance(EffectActivities.restart_service, timedelta(minutes=3)),
    "raise-memory-limit": Performance(EffectActivities.raise_memory_limit, timedelta(minutes=1)),
    "kill-process": Performance(EffectActivities.kill_process, timedelta(minutes=1)),
    "roll-back": Performance(EffectActivities.roll_back, timedelta(minutes=10)),
    "scale-out": Performance(EffectActivities.scale_out, timedelta(minutes=5)),
}


async def perform(action: Action) -> Effect:
    """Perform one action on the service's host; look back when its answer was lost."""
    asked_at = workflow.now()
    performance = PERFORMANCES[action.kind]
    try:
        effect: Effect = await workflow.execute_activity_method(
            performance.activity,
            Perform(action=action, asked_at=asked_at),
            task_queue=action.service.queue,
            start_to_close_timeout=performance.within,
            schedule_to_close_timeout=2 * performance.within,
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=ONE_ATTEMPT,
            summary=action.says,
        )
    except ActivityError as error:
        if isinstance(error.cause, ApplicationError):
            return Effect(done=False, found=error.cause.message, at=workflow.now())
        return await _look_back(action, asked_at)
    return effect


async def _look_back(action: Action, asked_at: datetime) -> Effect:
    try:
        effect: Effect = await workflow.execute_activity_method(
            EffectActivities.look_back,
            LookBack(action=action, asked_at=asked_at),
            task_queue=action.service.queue,
            start_to_close_timeout=timedelta(seconds=30),
            schedule_to_close_timeout=timedelta(minutes=10),
            retry_policy=LOOKING_BACK,
            summary=f"was it done? {action.says}",
        )
    except ActivityError:
        return Effect(
            done=False, found="its outcome was lost, and the service cannot be looked at", at=workflow.now()
        )
    return effect
