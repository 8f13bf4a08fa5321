"""A week without workers, and one without Temporal, each in seconds: what was due is run once, or not at all.

The schedules are those of the table, but for their calendars.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio import workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleInfo,
    ScheduleRange,
    ScheduleSpec,
)
from temporalio.worker import Worker

from activities.schedules.schedules import SERVERS_WORKFLOW
from console.checks.scheduled import Schedules
from models.configuration.configuration import Configuration
from models.names import TASK_QUEUE
from tests.parts.product.intake import TemporalServer, until
from workflows.checks.schedules import schedule_of, schedules

WINDOW = timedelta(seconds=10)
"""The shortest that a server accepts stands for the hour of the table."""
EVERY_SECOND = ScheduleCalendarSpec(
    second=(ScheduleRange(0, 59),), minute=(ScheduleRange(0, 59),), hour=(ScheduleRange(0, 23),)
)


@workflow.defn(name="DailyCheck", sandboxed=False)
class StandIn:
    """A check that finds nothing."""

    @workflow.run
    async def run(self, request: object) -> str:
        return "done"


def daily(*calendars: ScheduleCalendarSpec) -> Schedule:
    schedule = schedule_of(schedules(Configuration.of({}, ()))[0], 2026)
    schedule.spec = ScheduleSpec(calendars=list(calendars))
    schedule.policy.catchup_window = WINDOW
    return schedule


def at(moment: datetime) -> ScheduleCalendarSpec:
    second, minute, hour, day = (
        (ScheduleRange(part),) for part in (moment.second, moment.minute, moment.hour, moment.day)
    )
    return ScheduleCalendarSpec(second=second, minute=minute, hour=hour, day_of_month=day)


async def info_of(client: Client) -> ScheduleInfo:
    return (await client.get_schedule_handle("check/daily").describe()).info


async def settled(client: Client) -> bool:
    """Whether the server has done all it does at once: killed amid that, it would take a minute to go on."""
    told = await client.get_workflow_handle(f"{SERVERS_WORKFLOW}check/daily").describe()
    return told.history_length > 3 and not told.raw_description.HasField("pending_workflow_task")


async def test_after_a_week_without_workers_there_is_one_run(client: Client) -> None:
    handle = await client.create_schedule("check/daily", daily(EVERY_SECOND))

    async def a_week_later() -> bool:
        return (await info_of(client)).num_actions_skipped_overlap >= 3

    await until(a_week_later, within=15)
    await handle.pause()
    info = await info_of(client)
    assert (info.num_actions, len(info.running_actions)) == (1, 1)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[StandIn]):
        (run,) = info.running_actions
        assert isinstance(run, ScheduleActionExecutionStartWorkflow)
        await client.get_workflow_handle(run.workflow_id).result()
    assert (await info_of(client)).num_actions == 1, "what was skipped is not made up for"
    (listed, *_) = await Schedules(client).list()
    assert listed.skipped >= 3
    await handle.delete()


async def test_after_a_week_without_temporal_only_what_was_due_just_now_is_run(tmp_path: Path) -> None:
    server = TemporalServer(tmp_path)
    client = await server.start()
    now = datetime.now(UTC).replace(microsecond=0)
    long_ago = [now + timedelta(seconds=n) for n in (4, 5)]
    just_now = now + timedelta(seconds=14)
    await client.create_schedule("check/daily", daily(*map(at, [*long_ago, just_now])))
    await until(lambda: settled(client))
    await server.kill()
    assert datetime.now(UTC) < long_ago[0], "the machine is too slow for these seconds"
    await asyncio.sleep((long_ago[-1] + WINDOW + timedelta(seconds=1) - datetime.now(UTC)).total_seconds())
    try:
        client = await server.start()

        async def caught_up() -> ScheduleInfo | None:
            info = await info_of(client)
            return info if info.num_actions else None

        info = await until(caught_up, within=15)
        assert [one.scheduled_at for one in info.recent_actions] == [just_now]
        assert info.num_actions_missed_catchup_window == len(long_ago)
    finally:
        await server.kill()
