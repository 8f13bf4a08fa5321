"""The schedules of the checks, as people see and steer them through Temporal."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
)

from models.base import Model
from models.checks.check import CheckName
from models.names import check_id
from runtime.connection import PATIENCE
from runtime.errors import NoSuchSchedule, NotOurs, in_time
from runtime.schedules import described, is_ours, somebody_elses

LOOK_AGAIN = timedelta(milliseconds=100)


class ScheduleLine(Model):
    """A schedule in a list."""

    check: CheckName
    id: str
    exists: bool = False
    ours: bool = False
    when: str = ""
    """Its calendar in words."""
    paused: bool = False
    note: str = ""
    last_at: datetime | None = None
    last_run: str = ""
    """The workflow ID of the newest run that it began, by time or by hand."""
    running: tuple[str, ...] = ()
    next_at: datetime | None = None
    """When its calendar names it next, paused or not."""
    missed: int = 0
    """Runs that were due while Temporal was away for longer than is caught up on."""
    skipped: int = 0
    """Runs that were due while another one was open."""


class Schedules:
    """Each method raises TemporalAway; those that change something NoSuchSchedule and NotOurs, too."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def list(self) -> tuple[ScheduleLine, ...]:
        """The schedule of each check, whether it exists or not."""
        async with in_time(PATIENCE):
            found = await asyncio.gather(*(described(self._client, check_id(one)) for one in CheckName))
            return tuple([await _line(one, seen) for one, seen in zip(CheckName, found, strict=True)])

    async def pause(self, check: CheckName, note: str) -> ScheduleLine:
        """One that is paused already keeps its note, for somebody wrote it."""
        async with in_time(2 * PATIENCE):
            if not (await self._look(check)).paused:
                await self._handle(check).pause(note=note, rpc_timeout=PATIENCE)
            return await self._look(check)

    async def resume(self, check: CheckName, note: str) -> ScheduleLine:
        """What was due meanwhile is not made up for."""
        async with in_time(2 * PATIENCE):
            if (await self._look(check)).paused:
                await self._handle(check).unpause(note=note, rpc_timeout=PATIENCE)
            return await self._look(check)

    async def run(self, check: CheckName) -> tuple[ScheduleLine, bool]:
        """Run it now, paused or not; and whether a run began, which is not so while one is open."""
        async with in_time(2 * PATIENCE):
            before = await self._look(check)
            if before.running:
                return before, False
            overlap = ScheduleOverlapPolicy.SKIP
            await self._handle(check).trigger(overlap=overlap, rpc_timeout=PATIENCE)
            return await self._after(check, before), True

    async def _after(self, check: CheckName, before: ScheduleLine) -> ScheduleLine:
        """The server begins a run a moment after it was asked to."""
        while True:
            line = await self._look(check)
            if line.last_at != before.last_at:
                return line
            await asyncio.sleep(LOOK_AGAIN.total_seconds())

    async def _look(self, check: CheckName) -> ScheduleLine:
        line = await _line(check, await described(self._client, check_id(check)))
        if not line.exists:
            cure = "`schedules apply` creates it if the check is enabled"
            raise NoSuchSchedule(f"there is no schedule {line.id}: {cure}")
        if not line.ours:
            raise NotOurs(somebody_elses(line.id))
        return line

    def _handle(self, check: CheckName) -> ScheduleHandle:
        return self._client.get_schedule_handle(check_id(check))


async def _line(check: CheckName, seen: ScheduleDescription | None) -> ScheduleLine:
    if seen is None:
        return ScheduleLine(check=check, id=check_id(check))
    info, state, spec = seen.info, seen.schedule.state, seen.schedule.spec
    last = max(info.recent_actions, key=lambda one: one.started_at, default=None)
    return ScheduleLine(
        check=check,
        id=seen.id,
        exists=True,
        ours=await is_ours(seen),
        when=next((one.comment for one in spec.calendars if one.comment), ""),
        paused=state.paused,
        note=state.note or "",
        last_at=last.started_at if last else None,
        last_run=_workflow_id(last.action) if last else "",
        running=tuple(_workflow_id(one) for one in info.running_actions),
        next_at=next(iter(info.next_action_times), None),
        missed=info.num_actions_missed_catchup_window,
        skipped=info.num_actions_skipped_overlap,
    )


def _workflow_id(action: object) -> str:
    return action.workflow_id if isinstance(action, ScheduleActionExecutionStartWorkflow) else ""
