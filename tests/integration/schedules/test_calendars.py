"""A year of times: the server's are those of the calendar, counted without our code."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import Client, ScheduleState

from models.checks.check import CheckName
from models.configuration.configuration import Configuration
from workflows.checks.schedules import schedule_of, schedules

YEAR = 2028
"""It has a 29 February."""
BEGIN, END = datetime(YEAR, 1, 1, tzinfo=UTC), datetime(YEAR + 1, 1, 1, tzinfo=UTC)
HOLIDAYS = (date(YEAR, 1, 6), date(YEAR, 2, 29), date(YEAR, 12, 25))
STEP = timedelta(minutes=15)
"""Every time below, and every change of a clock, is at one of these minutes."""
Shown = dict[datetime, list[datetime]]

DUE: dict[CheckName, Callable[[date], bool]] = {
    CheckName.DAILY: lambda day: day.isoweekday() <= 5 and day not in HOLIDAYS,
    CheckName.WEEKLY: lambda day: day.isoweekday() == 7,
    CheckName.MONTHLY: lambda day: day.day == 28,
}


def shown_in(zone: str) -> Shown:
    """What the clocks of a zone show, and the moments at which they show it."""
    there, shown = ZoneInfo(zone), defaultdict(list)
    moment = BEGIN - timedelta(days=2)
    while moment < END + timedelta(days=2):
        shown[moment.astimezone(there).replace(tzinfo=None)].append(moment)
        moment += STEP
    return shown


def expected(shown: Shown, at: time, due: Callable[[date], bool]) -> Iterator[datetime]:
    """The moments at which a check is due, one each due day, in the order of time."""
    day = date(YEAR, 1, 1) - timedelta(days=1)
    while day <= date(YEAR + 1, 1, 1):
        wall = datetime.combine(day, at)
        while len(shown.get(wall, ())) != 1:
            wall += STEP
        if due(day) and BEGIN <= shown[wall][0] < END:
            yield shown[wall][0]
        day += timedelta(days=1)


async def matching(client: Client, schedule: str) -> list[datetime]:
    """The moments of a year at which the server would run the schedule."""
    first, last = Timestamp(), Timestamp()
    first.FromDatetime(BEGIN - timedelta(seconds=1))
    last.FromDatetime(END - timedelta(seconds=1))
    told = await client.workflow_service.list_schedule_matching_times(
        ListScheduleMatchingTimesRequest(
            namespace=client.namespace, schedule_id=schedule, start_time=first, end_time=last
        )
    )
    return [moment.ToDatetime(UTC) for moment in told.start_time]


def configured(zone: str, at: str) -> Configuration:
    days: dict[str, Any] = {"weekly": {"day": "sunday"}, "monthly": {"day": 28}}
    checks = {name.value: {"at": at, **days.get(name, {})} for name in CheckName}
    holidays = [day.isoformat() for day in HOLIDAYS]
    return Configuration.of({"checks": {"time_zone": zone, "holidays": holidays, **checks}}, ())


@pytest.mark.parametrize(
    ("zone", "times"),
    [
        ("Europe/Berlin", ("09:00", "02:30", "02:00", "03:00")),
        ("America/New_York", ("08:00", "01:30", "02:45", "23:45")),
        ("Australia/Lord_Howe", ("09:00", "01:45", "02:15")),  # its clocks go by half an hour
    ],
)
async def test_a_year_of_times_is_the_calendars(client: Client, zone: str, times: tuple[str, ...]) -> None:
    shown = shown_in(zone)
    for at in times:
        for row in schedules(configured(zone, at)):
            schedule = schedule_of(row, YEAR)
            schedule.state = ScheduleState(paused=True)
            handle = await client.create_schedule(f"{row.id}/{uuid.uuid4()}", schedule)
            wanted = list(expected(shown, time.fromisoformat(at), DUE[row.check]))
            assert len(wanted) >= 12
            assert await matching(client, handle.id) == wanted, (zone, at, row.check)


async def test_the_zones_of_the_test_have_days_whose_times_are_moved() -> None:
    """Without them the test above would show nothing."""
    (daily, weekly, _) = schedules(configured("Europe/Berlin", "02:30"))
    year = (date(YEAR, 1, 1), date(YEAR, 12, 31))
    assert daily.calendar.moved(*year) == {}, "the clocks of Berlin change on Sundays"
    assert list(weekly.calendar.moved(*year).values()) == [
        datetime(YEAR, 3, 26, 3),
        datetime(YEAR, 10, 29, 3),
    ]
