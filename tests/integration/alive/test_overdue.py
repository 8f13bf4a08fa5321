"""A check that did not run when it was due, on a real Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from models.calendar import Calendar
from models.checks.check import CheckName
from models.configuration.configuration import Configuration
from models.names import TASK_QUEUE
from runtime.alive.overdue import overdue
from runtime.schedules import apply
from tests.parts.product.intake import TemporalServer, until
from workflows.checks.schedules import CheckSchedule, schedules

NOT_AT_ALL = timedelta()
CONFIGURATION = Configuration.of({}, ())
(DAILY,) = (row for row in schedules(CONFIGURATION) if row.check is CheckName.DAILY)


@workflow.defn(name="DailyCheck", sandboxed=False)
class Checked:
    @workflow.run
    async def run(self) -> None:
        """Ends at once."""


@workflow.defn(name="DailyCheck", sandboxed=False)
class Lasting:
    """Takes long, or waits for a worker that is away."""

    def __init__(self) -> None:
        self._ended = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._ended)

    @workflow.signal
    def end(self) -> None:
        self._ended = True


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    server = TemporalServer(tmp_path_factory.mktemp("temporal"))
    yield await server.start()
    await server.kill()


def due_a_minute_ago(now: datetime) -> CheckSchedule:
    at = (now - timedelta(minutes=1)).time().replace(second=0, microsecond=0)
    return CheckSchedule(CheckName.DAILY, True, Calendar(at=at, time_zone="UTC"))


async def test_a_schedule_that_is_not_there_did_not_run_until_somebody_runs_the_check(client: Client) -> None:
    now = datetime.now(UTC)
    row = due_a_minute_ago(now)
    assert await overdue(client, row, now, began=now) == NOT_AT_ALL
    late = await overdue(client, row, now, began=now - timedelta(days=1))
    assert timedelta(minutes=1) <= late < timedelta(minutes=3)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Checked]):
        await client.execute_workflow(Checked.run, id="check/daily", task_queue=TASK_QUEUE)

    async def listed() -> bool:
        return await overdue(client, row, now, began=now - timedelta(days=1)) == NOT_AT_ALL

    await until(listed)


async def test_a_run_that_was_open_when_the_next_was_due_and_ended_well_is_not_overdue(
    client: Client,
) -> None:
    """As after a day without workers: the schedule skips while one waits, so no other run began."""
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[Lasting]):
        run = await client.start_workflow(Lasting.run, id="check/daily", task_queue=TASK_QUEUE)
        started = (await run.describe()).start_time
        due = (started + timedelta(seconds=1)).replace(microsecond=0)
        row = CheckSchedule(CheckName.DAILY, True, Calendar(at=due.time(), time_zone="UTC"))
        before, later = started - timedelta(days=1), due + timedelta(hours=1)
        assert await overdue(client, row, later, before) == timedelta(hours=1), "it still runs"

        async def is_due() -> bool:
            return datetime.now(UTC) > due

        await until(is_due)
        await run.signal(Lasting.end)
        await run.result()

    async def not_overdue() -> bool:
        return await overdue(client, row, later, before) == NOT_AT_ALL

    await until(not_overdue)


async def test_what_runs_too_late_is_overdue_and_what_somebody_paused_is_not(client: Client) -> None:
    began = datetime.now(UTC)
    await apply(client, CONFIGURATION)
    assert await overdue(client, DAILY, datetime.now(UTC), began) == NOT_AT_ALL
    later = began + timedelta(days=8)
    late = await overdue(client, DAILY, later, began)
    assert NOT_AT_ALL < late < timedelta(days=4)
    await client.get_schedule_handle("check/daily").pause(note="holidays")
    assert await overdue(client, DAILY, later, began) == NOT_AT_ALL
