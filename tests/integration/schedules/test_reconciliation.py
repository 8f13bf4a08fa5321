"""The schedules in a real Temporal become those of the configuration, and what is not ours stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleOverlapPolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from models.checks.check import CheckName
from models.configuration.configuration import Configuration
from models.names import check_id
from runtime.errors import TemporalAway
from runtime.schedules import Change, ScheduleKeeper, apply, described
from tests.parts.product.intake import BIN, until
from workflows.checks.schedules import CATCH_UP, schedules

ALL = tuple(check_id(name) for name in CheckName)
CREATED, UPDATED, UNCHANGED, REMOVED, REFUSED = Change


def configured(**checks: Any) -> Configuration:
    return Configuration.of({"time_zone": "Europe/Berlin", "checks": checks}, ())


@pytest.fixture(autouse=True)
async def _nothing_is_left(client: Client) -> AsyncIterator[None]:
    yield
    for schedule in ALL:
        if await described(client, schedule):
            await client.get_schedule_handle(schedule).delete()


async def seen(client: Client, schedule: str = "check/daily") -> ScheduleDescription:
    found = await described(client, schedule)
    assert found is not None
    return found


async def changes(client: Client, configuration: Configuration) -> list[Change]:
    done = await apply(client, configuration)
    assert [one.id for one in done] == list(ALL)
    return [one.change for one in done]


async def test_applied_twice_it_changes_nothing(client: Client) -> None:
    often = configured(daily={"at": "02:30"}, working_days=["sunday"], holidays=["2026-12-25"])
    for configuration in (configured(), often):
        await apply(client, configuration)
        before = [(await seen(client, one)).raw_description for one in ALL]
        assert await changes(client, configuration) == [UNCHANGED] * 3
        after = [(await seen(client, one)).raw_description for one in ALL]
        assert [one.info.update_time for one in after] == [one.info.update_time for one in before]
    daily = await seen(client)
    assert daily.schedule.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert daily.schedule.policy.catchup_window == CATCH_UP
    assert daily.schedule.spec.time_zone_name == "Europe/Berlin"


async def test_what_differs_is_updated_and_what_is_equal_is_left(client: Client) -> None:
    assert await changes(client, configured()) == [CREATED] * 3
    assert await changes(client, configured(daily={"at": "10:00"})) == [UPDATED, UNCHANGED, UNCHANGED]
    assert (await seen(client)).info.next_action_times[0].minute == 0
    assert await changes(client, configured(time_zone="UTC")) == [UPDATED] * 3
    assert await changes(client, configured(time_zone="UTC")) == [UNCHANGED] * 3


@pytest.mark.parametrize("part", ["calendar", "overlap", "workflow", "request"])
async def test_what_somebody_changed_in_ours_is_put_right(client: Client, part: str) -> None:
    await apply(client, configured())

    def change(told: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule = told.description.schedule
        action = schedule.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        if part == "calendar":
            schedule.spec = ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=(ScheduleRange(4),))])
        elif part == "overlap":
            schedule.policy.overlap = ScheduleOverlapPolicy.ALLOW_ALL
        elif part == "workflow":
            action.workflow = "WeeklyCheck"
        else:
            action.args = [{"name": "monthly"}]
        return ScheduleUpdate(schedule)

    await client.get_schedule_handle("check/daily").update(change)
    assert await changes(client, configured()) == [UPDATED, UNCHANGED, UNCHANGED]
    assert await changes(client, configured()) == [UNCHANGED] * 3


async def test_ours_whose_arguments_nobody_can_read_any_more_is_put_right(client: Client) -> None:
    """They were encrypted with a key that is lost, or written by another release."""
    await changes(client, configured())

    def change(told: ScheduleUpdateInput) -> ScheduleUpdate:
        action = told.description.schedule.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        action.args = [Payload(metadata={"encoding": b"binary/lost"}, data=b"\xff")]
        return ScheduleUpdate(told.description.schedule)

    await client.get_schedule_handle("check/daily").update(change)
    assert await changes(client, configured()) == [UPDATED, UNCHANGED, UNCHANGED]
    assert await changes(client, configured()) == [UNCHANGED] * 3


async def test_a_paused_schedule_stays_paused_with_its_note(client: Client) -> None:
    await apply(client, configured())
    await client.get_schedule_handle("check/daily").pause(note="anna: the office moves")
    for configuration in (configured(), configured(daily={"at": "11:00"})):
        await apply(client, configuration)
        state = (await seen(client)).schedule.state
        assert (state.paused, state.note) == (True, "anna: the office moves")
    await client.get_schedule_handle("check/daily").unpause(note="anna: moved")
    await apply(client, configured(daily={"at": "12:00"}))
    state = (await seen(client)).schedule.state
    assert (state.paused, state.note) == (False, "anna: moved")


async def test_what_is_not_enabled_any_more_is_removed(client: Client) -> None:
    await apply(client, configured())
    without = configured(weekly={"enabled": False})
    assert await changes(client, without) == [UNCHANGED, REMOVED, UNCHANGED]
    assert await described(client, "check/weekly") is None
    assert await changes(client, without) == [UNCHANGED] * 3
    assert await changes(client, configured()) == [UNCHANGED, CREATED, UNCHANGED]


@pytest.mark.parametrize("memo", [None, {"runbooks": "other"}, {"owner": "somebody"}])
async def test_a_foreign_schedule_of_our_id_is_refused_and_untouched(client: Client, memo: Any) -> None:
    theirs = Schedule(
        action=ScheduleActionStartWorkflow("TheirReport", id="report", task_queue="theirs"),
        spec=ScheduleSpec(calendars=[ScheduleCalendarSpec(hour=(ScheduleRange(4),))]),
    )
    await client.create_schedule("check/daily", theirs, memo=memo)
    await client.create_schedule("their-own", theirs)
    before = [(await seen(client, one)).raw_description for one in ("check/daily", "their-own")]
    done = await apply(client, configured())
    assert [one.change for one in done] == [REFUSED, CREATED, CREATED]
    assert "the schedule check/daily is not ours" in done[0].why
    assert await changes(client, configured(daily={"enabled": False})) == [UNCHANGED] * 3
    after = [(await seen(client, one)).raw_description for one in ("check/daily", "their-own")]
    assert after == before
    await client.get_schedule_handle("their-own").delete()


async def test_two_workers_that_start_at_once_make_one_of_each(client: Client) -> None:
    done = await asyncio.gather(*(apply(client, configured()) for _ in range(4)))
    assert sorted(one.change for each in done for one in each) == [CREATED] * 3 + [UNCHANGED] * 9
    configuration = configured(daily={"at": "10:00"})
    await asyncio.gather(*(apply(client, configuration) for _ in range(4)))
    assert await changes(client, configuration) == [UNCHANGED] * 3


async def test_the_workers_keeper_applies_at_once_and_follows_the_configuration(client: Client) -> None:
    now = [configured()]
    keeper = ScheduleKeeper(client)
    running = asyncio.create_task(keeper.run(lambda: now[0]))

    async def complete() -> bool:
        return all([await described(client, one) for one in ALL])

    await until(complete)
    running.cancel()
    now[0] = configured(monthly={"day": 15})
    await keeper.look(now[0])
    assert await changes(client, now[0]) == [UNCHANGED] * 3


async def test_a_temporal_without_schedules_is_trouble_that_a_keeper_survives(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The server of tests knows no schedules, as a Temporal that does not permit them."""
    program = str(BIN / "temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=program) as away:
        with pytest.raises(TemporalAway, match="UNIMPLEMENTED"):
            await apply(away.client, configured())
        with pytest.raises(RPCError):
            await described(away.client, "check/daily")
        running = asyncio.create_task(ScheduleKeeper(away.client, every=timedelta(0)).run(configured))
        await asyncio.sleep(0.5)  # many attempts
        assert not running.done()
        running.cancel()
    assert capsys.readouterr().out.count("not as configured") == 1, "it is told once"


def test_the_table_has_every_check() -> None:
    rows = schedules(configured(monthly={"enabled": False}))
    assert [(row.id, row.workflow, row.enabled) for row in rows] == [
        ("check/daily", "DailyCheck", True),
        ("check/weekly", "WeeklyCheck", True),
        ("check/monthly", "MonthlyCheck", False),
    ]
