"""`schedules` and `check` as a person types them, with a real Temporal and a real worker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec

from console.checks.check import last, newest, now
from console.checks.schedule_checks import check_schedules_of_checks
from console.checks.scheduled import Schedules
from models.checks.check import CheckName, CheckReport
from models.checks.item import ItemState
from models.configuration.configuration import Configuration
from models.names import check_id
from runtime.errors import NobodyAnswers, NoReport, NotOurs
from runtime.people.signing import user_of_this_machine
from runtime.schedules import apply, described
from tests.parts.product.commands import Person
from tests.parts.product.intake import ROOT, TemporalServer, environment, until

USER = user_of_this_machine()

DONE, FAILED, USAGE, UNREACHABLE, REFUSED = range(5)
IDS = [check_id(one) for one in CheckName]


@pytest.fixture(scope="module")
def variables(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("config")
    config = directory / "runbooks.yaml"
    config.write_text(
        f"directories: {{state: {directory}, reviews: {directory / 'reviews'}}}\n"
        "checks: {time_zone: Europe/Berlin, monthly: {at: '08:15'}}\n"
    )
    return environment(temporal.address, RUNBOOKS_CONFIG=str(config))


@pytest.fixture
def person(variables: dict[str, str]) -> Person:
    return Person(variables)


@pytest.fixture(autouse=True)
async def _nothing_is_left(client: Client) -> AsyncIterator[None]:
    yield
    for schedule in IDS:
        if await described(client, schedule):
            await client.get_schedule_handle(schedule).delete()


@asynccontextmanager
async def worker(variables: dict[str, str], log: Path) -> AsyncIterator[None]:
    """`worker.py` as a process; it must drain and leave with 0."""
    with log.open("wb") as written:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "worker.py", cwd=ROOT, env=variables, stdout=written, stderr=written
        )
        try:
            yield
        finally:
            process.terminate()
            async with asyncio.timeout(60):
                assert await process.wait() == 0, f"see {log}"


async def test_schedules_are_applied_paused_and_listed(person: Person) -> None:
    early = await person.types("schedules", "pause", "daily")
    assert (early.code, early.out) == (FAILED, "")
    assert "there is no schedule check/daily: `schedules apply` creates it" in early.err
    applied = await person.types("schedules", "apply", "--json")
    assert [one["change"] for one in applied.document] == ["created"] * 3
    paused = await person.types("schedules", "pause", "daily", "the office moves", "--by", "anna")
    assert paused.out == f"check/daily is paused: {USER} (as anna): the office moves\n"
    listed = await person.types("schedules", "list")
    assert "Monday to Friday at 09:00, Europe/Berlin" in listed.out
    assert "day 1 of the month at 08:15, Europe/Berlin" in listed.out
    assert f"paused: {USER} (as anna): the office moves" in listed.out


async def test_doctor_tells_of_each_schedule(person: Person, client: Client) -> None:
    before = (await person.types("doctor")).out.splitlines()
    missing = "Temporal does not have it. create it: python starter.py schedules apply"
    assert [line for line in before if "schedule check/" in line] == [
        f"attention  here  schedule {one}: {missing}" for one in IDS
    ]
    await apply(client, Configuration.of({}, ()))
    await Schedules(client).pause(CheckName.DAILY, "anna: the office moves")
    lines = await Schedules(client).list()
    daily, weekly, monthly = (f"next: {line.next_at:%Y-%m-%d %H:%M} UTC" for line in lines)
    after = (await person.types("doctor")).out.splitlines()
    paused = "it is paused (anna: the office moves)"
    cure = "end the pause: python starter.py schedules resume daily"
    assert [line for line in after if "schedule check/" in line] == [
        f"attention  here  schedule check/daily: {paused}; {daily}, if the pause ends. {cure}",
        f"ok         here  schedule check/weekly ({weekly})",
        f"ok         here  schedule check/monthly ({monthly})",
    ]


async def test_doctor_leaves_out_a_check_that_is_not_enabled(client: Client) -> None:
    disabled = Configuration.of({"checks": {"daily": {"enabled": False}}}, ())
    told = await check_schedules_of_checks(client, disabled)
    assert [one.name for one in told] == ["schedule check/weekly", "schedule check/monthly"]


async def test_a_second_pause_keeps_the_note_and_a_pause_ends_once(client: Client) -> None:
    schedules, daily = Schedules(client), CheckName.DAILY
    assert [line.exists for line in await schedules.list()] == [False] * 3
    await apply(client, Configuration.of({}, ()))
    for note in ("anna: the office moves", "bert: me, too"):
        line = await schedules.pause(daily, note)
        assert (line.paused, line.note) == (True, "anna: the office moves")
    for note in ("anna: we have moved", "bert: me, too"):
        line = await schedules.resume(daily, note)
        assert (line.paused, line.note) == (False, "anna: we have moved")
    (first, *_) = await schedules.list()
    assert first == line


async def test_a_foreign_schedule_is_refused_and_the_others_are_applied(
    person: Person, client: Client
) -> None:
    action = ScheduleActionStartWorkflow("TheirReport", id="report", task_queue="theirs")
    await client.create_schedule("check/daily", Schedule(action=action, spec=ScheduleSpec()))
    applied = await person.types("schedules", "apply", "--json")
    assert applied.code == REFUSED
    assert [one["change"] for one in applied.document] == ["refused", "created", "created"]
    assert "the schedule check/daily is not ours" in applied.err
    assert (await person.types("schedules", "run", "daily")).code == REFUSED
    for steer in (Schedules(client).pause, Schedules(client).resume):
        with pytest.raises(NotOurs):
            await steer(CheckName.DAILY, "mine")
    (daily, *_) = await Schedules(client).list()
    assert (daily.ours, daily.paused) == (False, False)


async def test_a_worker_applies_the_schedules_and_runs_checks(
    person: Person, variables: dict[str, str], client: Client, tmp_path: Path
) -> None:
    with pytest.raises(NobodyAnswers, match="no worker has taken check/daily yet"):
        await now(client, CheckName.DAILY, "bert", timedelta(milliseconds=200))
    async with worker(variables, tmp_path / "worker.log"):
        asked = await person.types("check", "daily", "--json")
        assert (asked.document["name"], asked.document["by"]) == ("daily", "bert"), asked.err
        assert asked.document["stored"]["page"].startswith(str(tmp_path.parent.parent))

        async def complete() -> bool:
            return all([await described(client, one) for one in IDS])

        await until(complete)
        await Schedules(client).pause(CheckName.WEEKLY, "anna: not now")
        line, began = await Schedules(client).run(CheckName.WEEKLY)
        assert (line.paused, began, line.last_run[:15]) == (True, True, "check/weekly-20")
        report = await client.get_workflow_handle(line.last_run, result_type=CheckReport).result()
        await until(lambda: newest(client, CheckName.WEEKLY, "ExecutionStatus = 'Completed'"))
        shown = await person.types("check", "weekly", "--last")
        assert shown.out.startswith("Weekly check of 20")
        assert shown.code == (FAILED if report.state is ItemState.BAD else DONE)
        assert ", by its schedule" in shown.out
        assert "report: " in shown.out
        assert (await person.types("list")).out == "No incidents.\n"


async def test_a_run_that_is_open_is_not_doubled_and_one_without_a_report_is_named(client: Client) -> None:
    """Nobody works here: the run of the schedule stays open."""
    with pytest.raises(NoReport, match="the monthly check has never run"):
        await last(client, CheckName.MONTHLY)
    await apply(client, Configuration.of({}, ()))
    schedules, monthly = Schedules(client), CheckName.MONTHLY
    line, began = await schedules.run(monthly)
    again, doubled = await schedules.run(monthly)
    assert (began, doubled, again.running) == (True, False, (line.last_run,))
    found = await until(lambda: newest(client, monthly, "ExecutionStatus = 'Running'"))
    assert found.id == line.last_run
    await client.get_workflow_handle(line.last_run).terminate("enough")
    await until(lambda: newest(client, monthly, "ExecutionStatus = 'Terminated'"))
    with pytest.raises(NoReport, match=f"the monthly check did not end well: .*{line.last_run}"):
        await last(client, monthly)


async def test_what_cannot_be_is_refused_at_once(person: Person) -> None:
    away = Person(environment("127.0.0.1:1"))
    unknown, unreached, neither = await asyncio.gather(
        person.types("check", "yearly"),
        away.types("check", "daily"),
        away.types("schedules", "pause", "daily"),
    )
    assert (unknown.code, unreached.code, neither.code) == (USAGE, UNREACHABLE, UNREACHABLE)
