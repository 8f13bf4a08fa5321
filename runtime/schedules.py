"""Brings the schedules of the checks in Temporal into line with the configuration.

A schedule is ours if its memo says so. Everything else is left as it is, whatever its ID; and of ours the
pause and the note are left as somebody set them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from models.base import Model
from models.checks.check import CheckRequest
from models.configuration.configuration import Configuration
from models.names import CHECK
from runtime.connection import PATIENCE
from runtime.errors import TemporalAway, Trouble, in_time, not_found
from workflows.checks.schedules import CheckSchedule, schedule_of, schedules

OURS = "runbooks"
"""The key of the memo by which a schedule is ours."""
EVERY = timedelta(minutes=1)
APPLIED_WITHIN = 3 * PATIENCE
ATTEMPTS = 3
"""How often a schedule is looked at again that somebody else changed at the same moment."""

logger = structlog.get_logger(__name__)


class Change(StrEnum):
    """What was done to a schedule."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    REFUSED = "refused"
    """It is somebody else's."""


class Applied(Model):
    """A schedule, and what was done to it."""

    id: str
    change: Change
    why: str = ""


async def apply(client: Client, configuration: Configuration) -> tuple[Applied, ...]:
    """Create, update and remove what differs. Applied again, it changes nothing.

    A schedule that is somebody else's is `refused`, and the others are applied. Raises TemporalAway.
    """
    async with in_time(APPLIED_WITHIN):
        return tuple([await _applied(client, row) for row in schedules(configuration)])


async def described(client: Client, schedule: str) -> ScheduleDescription | None:
    """A schedule by its ID; None when there is none. Raises RPCError."""
    try:
        return await client.get_schedule_handle(schedule).describe(rpc_timeout=PATIENCE)
    except RPCError as error:
        if not not_found(error):
            raise
        return None


async def is_ours(seen: ScheduleDescription) -> bool:
    """Whether the product made it."""
    try:
        told: object = await seen.memo_value(OURS, None)
    except Exception:  # somebody else's may be written in any way; the rest of its memo is not read
        return False
    return told == CHECK


def somebody_elses(schedule: str) -> str:
    """Why a schedule is left alone."""
    return (
        f"the schedule {schedule} is not ours: its memo lacks `{OURS}: {CHECK}`. It was left as it is; "
        "delete it, or give it another ID, and the check gets its own"
    )


class ScheduleKeeper:
    """Applies the schedules beside the work of a worker: at its start, and whenever something differs."""

    def __init__(self, client: Client, every: timedelta = EVERY) -> None:
        self._client = client
        self._every = every
        self._trouble: frozenset[str] = frozenset()

    async def run(self, configuration: Callable[[], Configuration]) -> None:
        """Apply for ever. What goes wrong is logged once, and tried again."""
        while True:
            try:
                await self.look(configuration())
            except Trouble as trouble:
                self._log(frozenset({str(trouble)}))
            except Exception:
                logger.exception("the schedules of the checks could not be applied")
            await asyncio.sleep(self._every.total_seconds())

    async def look(self, configuration: Configuration) -> None:
        """Apply once. Raises TemporalAway."""
        done = await apply(self._client, configuration)
        for one in done:
            if one.change not in (Change.UNCHANGED, Change.REFUSED):
                logger.info(f"schedule {one.change.value}", schedule=one.id)
        self._log(frozenset(one.why for one in done if one.change is Change.REFUSED))

    def _log(self, trouble: frozenset[str]) -> None:
        for why in sorted(trouble - self._trouble):
            logger.warning("the schedules of the checks are not as configured", why=why)
        self._trouble = trouble


async def _applied(client: Client, row: CheckSchedule) -> Applied:
    """Two workers may start at once: what another one created or removed meanwhile is looked at again."""
    for _ in range(ATTEMPTS):
        try:
            return await _brought_into_line(client, row)
        except ScheduleAlreadyRunningError:
            continue
        except RPCError as error:
            if not not_found(error):
                raise
    raise TemporalAway(f"the schedule {row.id} is created and deleted again and again by somebody else")


async def _brought_into_line(client: Client, row: CheckSchedule) -> Applied:
    seen, handle = await described(client, row.id), client.get_schedule_handle(row.id)
    if seen is not None and not await is_ours(seen):
        change = Change.REFUSED if row.enabled else Change.UNCHANGED
        return Applied(id=row.id, change=change, why=somebody_elses(row.id))
    if not row.enabled:
        if seen is not None:
            await handle.delete(rpc_timeout=PATIENCE)
        change = Change.REMOVED if seen else Change.UNCHANGED
        return Applied(id=row.id, change=change, why="the check is not enabled")
    wanted = schedule_of(row, datetime.now(UTC).year)
    if seen is None:
        await client.create_schedule(row.id, wanted, memo={OURS: CHECK}, rpc_timeout=PATIENCE)
        return Applied(id=row.id, change=Change.CREATED)
    if await _parts(client, seen.schedule) == await _parts(client, wanted):
        return Applied(id=row.id, change=Change.UNCHANGED)
    await handle.update(_keeping_its_state(wanted), rpc_timeout=PATIENCE)
    return Applied(id=row.id, change=Change.UPDATED)


def _keeping_its_state(wanted: Schedule) -> Callable[[ScheduleUpdateInput], ScheduleUpdate]:
    """An update that leaves the pause and the note as they are at that moment."""

    def update(told: ScheduleUpdateInput) -> ScheduleUpdate:
        wanted.state = told.description.schedule.state
        return ScheduleUpdate(wanted)

    return update


async def _parts(client: Client, schedule: Schedule) -> tuple[Any, ...]:
    """All by which two schedules differ, apart from their pause and note."""
    one = schedule.action
    if not isinstance(one, ScheduleActionStartWorkflow):
        return ()
    values = [await _value(client, value) for value in (*one.args, one.static_summary)]
    started = (one.workflow, one.id, one.task_queue, one.execution_timeout, one.run_timeout, values)
    return (schedule.spec, schedule.policy, started)


async def _value(client: Client, value: object) -> object:
    """What the server tells is encoded, and may be encrypted anew each time."""
    if isinstance(value, Payload):
        try:
            (value,) = await client.data_converter.decode([value])
        except Exception:  # of a key that is lost, or of another release: it is none that is wanted
            return value
    return value.model_dump(mode="json") if isinstance(value, CheckRequest) else value
