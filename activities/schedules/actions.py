"""Unpauses, pauses and triggers schedules of the application's own Temporal.

Each looks first, and does nothing that is done already: one whose answer was lost is asked again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import ScheduleDescription, ScheduleHandle
from temporalio.exceptions import ApplicationError

from activities.app.temporal import TemporalAway, connected
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.actions.application import PauseSchedule, TriggerSchedule, UnpauseSchedule
from models.actions.change import ActionResult, Perform
from models.base import in_words

WITHIN = timedelta(seconds=20)
STARTS_WITHIN = timedelta(seconds=10)
"""How long a schedule may take to start what it was triggered for."""
_EVERY = 0.25

ScheduleAction = UnpauseSchedule | PauseSchedule | TriggerSchedule


class ScheduleActionActivities:
    """Changes one schedule at a time, and tells how it stands afterwards."""

    @activity.defn
    async def unpause_schedule(self, request: Perform[UnpauseSchedule]) -> ActionResult:
        """Done when it is not paused. A pause with another note than was seen is somebody's new one."""
        action = request.action
        async with _schedule(action) as schedule:
            state = (await schedule.describe()).schedule.state
            if not state.paused:
                return _result(True, f"{action.schedule} is not paused any more")
            if clean(state.note or "", 300) != action.note:
                noted = clean(state.note or "none", 200)
                return _result(False, f"{action.schedule} was paused anew meanwhile, with the note: {noted}")
            await schedule.unpause(note="unpaused by a runbook")
            told = await schedule.describe()
        coming = next(iter(told.info.next_action_times), None)
        then = f", and runs next at {coming:%Y-%m-%d %H:%M:%S} UTC" if coming else ""
        return _result(not told.schedule.state.paused, f"{action.schedule} is unpaused{then}")

    @activity.defn
    async def pause_schedule(self, request: Perform[PauseSchedule]) -> ActionResult:
        """Done when it is paused, by whomever; the note says why."""
        action = request.action
        async with _schedule(action) as schedule:
            state = (await schedule.describe()).schedule.state
            if state.paused:
                noted = clean(state.note or "none", 200)
                return _result(True, f"{action.schedule} is paused already, with the note: {noted}")
            await schedule.pause(note=action.note)
            told = await schedule.describe()
        paused = told.schedule.state.paused
        return _result(paused, f"{action.schedule} is {'paused' if paused else 'not paused'}{_rhythm(told)}")

    @activity.defn
    async def trigger_schedule(self, request: Perform[TriggerSchedule]) -> ActionResult:
        """Done when a workflow of it runs, or it started one since it was looked at."""
        action = request.action
        async with _schedule(action) as schedule:
            if found := _has_started(action, await schedule.describe()):
                return _result(True, found)
            await schedule.trigger()
            until = asyncio.get_running_loop().time() + STARTS_WITHIN.total_seconds()
            while asyncio.get_running_loop().time() < until:
                if found := _has_started(action, await schedule.describe()):
                    return _result(True, found)
                await asyncio.sleep(_EVERY)
        return _result(False, f"{action.schedule} was triggered, and started nothing")


def _rhythm(told: ScheduleDescription) -> str:
    """How often it starts its workflow, where one interval says so and nothing else does."""
    spec = told.schedule.spec
    if len(spec.intervals) != 1 or spec.calendars or spec.cron_expressions:
        return ""
    return f"; its interval is {in_words(spec.intervals[0].every)}"


def _has_started(action: TriggerSchedule, told: ScheduleDescription) -> str:
    if told.info.running_actions:
        running = told.info.running_actions[-1]
        return f"a workflow of {action.schedule} runs: {clean(getattr(running, 'workflow_id', ''), 200)}"
    more = told.info.num_actions - action.started
    return f"{action.schedule} has started {more} since it was looked at" if more > 0 else ""


@asynccontextmanager
async def _schedule(action: ScheduleAction) -> AsyncIterator[ScheduleHandle]:
    temporal = action.service.temporal
    if temporal is None or action.schedule not in temporal.schedules:
        what = f"{action.schedule} is not a schedule in `services.{action.service.name}.temporal.schedules`"
        raise ApplicationError(what, type="Unsupported", non_retryable=True)
    reached = False
    try:
        async with beating(), connected(temporal, WITHIN) as client:
            reached = True
            yield client.get_schedule_handle(action.schedule)
    except TemporalAway as away:
        kind = "OutcomeLost" if reached else "Unreachable"
        raise ApplicationError(str(away), type=kind, non_retryable=True) from away


def _result(done: bool, found: str) -> ActionResult:
    return ActionResult(done=done, found=found, at=datetime.now(UTC))
