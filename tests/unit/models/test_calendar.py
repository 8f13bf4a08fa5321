"""Calendars: due days, times that the clocks skip or show twice, and what may be written for them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.calendar import WEEKDAYS, Calendar
from models.configuration.checks import Checks
from models.configuration.configuration import Configuration

ZONES = st.sampled_from(sorted(available_timezones() - {"localtime", "posixrules"}))
TIMES = st.times(timezones=st.none()).map(lambda at: at.replace(second=0, microsecond=0))
YEAR = (date(2024, 1, 1), date(2024, 12, 31))


def calendar(at: str, zone: str = "Europe/Berlin", **more: Any) -> Calendar:
    return Calendar.model_validate({"at": at, "time_zone": zone, **more})


@pytest.mark.parametrize(
    ("at", "zone", "moved"),
    [
        ("02:30", "Europe/Berlin", [datetime(2024, 3, 31, 3), datetime(2024, 10, 27, 3)]),
        ("02:00", "Europe/Berlin", [datetime(2024, 3, 31, 3), datetime(2024, 10, 27, 3)]),
        ("03:00", "Europe/Berlin", []),
        ("01:59", "Europe/Berlin", []),
        ("01:30", "America/New_York", [datetime(2024, 11, 3, 2)]),
        ("02:30", "America/New_York", [datetime(2024, 3, 10, 3)]),
        ("01:45", "Australia/Lord_Howe", [datetime(2024, 4, 7, 2)]),
        ("02:15", "Australia/Lord_Howe", [datetime(2024, 10, 6, 2, 30)]),
        ("00:30", "Africa/Cairo", [datetime(2024, 4, 26, 1)]),
        ("23:30", "Africa/Cairo", [datetime(2024, 11, 1, 0)]),  # the moment after it is of the next day
        ("02:30", "Asia/Kolkata", []),
        ("09:00", "America/Sao_Paulo", []),
    ],
)
def test_a_time_that_does_not_exist_once_is_moved(at: str, zone: str, moved: list[datetime]) -> None:
    assert list(calendar(at, zone).moved(*YEAR).values()) == moved


def test_a_day_that_is_not_due_is_not_moved() -> None:
    at_night = calendar("02:30", weekdays=WEEKDAYS[:5])
    assert at_night.moved(*YEAR) == {}
    holiday = calendar("02:30", holidays=["2024-03-31"])
    assert list(holiday.moved(*YEAR)) == [date(2024, 10, 27)]


def test_a_day_that_a_country_left_out_is_made_up_for() -> None:
    """Samoa went over the date line: there was no 30 December 2011."""
    samoa = calendar("09:00", "Pacific/Apia")
    assert samoa.moved(date(2011, 12, 1), date(2011, 12, 31)) == {
        date(2011, 12, 30): datetime(2011, 12, 31, 0)
    }


@given(ZONES, TIMES)
def test_what_is_moved_exists_once_and_soon(zone: str, at: time) -> None:
    one = Calendar(at=at, time_zone=zone)
    for day, moment in one.moved(*YEAR).items():
        there = moment.replace(tzinfo=ZoneInfo(zone))
        assert there.utcoffset() == there.replace(fold=1).utcoffset()
        assert timedelta(0) < moment - datetime.combine(day, at) <= timedelta(hours=3)


@pytest.mark.parametrize(
    ("more", "due", "words"),
    [
        ({}, 366, "every day at 09:00, Europe/Berlin"),
        ({"weekdays": WEEKDAYS[:5]}, 260, "Monday to Friday at 09:00, Europe/Berlin"),
        ({"weekdays": ["sunday", "monday"]}, 105, "Monday, Sunday at 09:00, Europe/Berlin"),
        ({"weekdays": ["tuesday"]}, 52, "Tuesday at 09:00, Europe/Berlin"),
        ({"day_of_month": 28}, 12, "day 28 of the month at 09:00, Europe/Berlin"),
        ({"holidays": ["2028-02-29"]}, 365, "every day at 09:00, Europe/Berlin"),
    ],
)
def test_due_days_of_a_leap_year(more: dict[str, Any], due: int, words: str) -> None:
    one = calendar("09:00", **more)
    days = [date(2028, 1, 1) + timedelta(days=n) for n in range(366)]
    assert sum(one.due_on(day) for day in days) == due
    assert one.words == words


@pytest.mark.parametrize(
    ("checks", "says"),
    [
        ({"daily": {"at": "9:00"}}, 'in quotes, such as "09:00"'),
        ({"daily": {"at": 540}}, 'in quotes, such as "09:00"'),
        ({"daily": {"at": "09:00Z"}}, 'in quotes, such as "09:00"'),
        ({"daily": {"at": "09:00:30"}}, 'in quotes, such as "09:00"'),
        ({"daily": {"at": "24:00"}}, 'in quotes, such as "09:00"'),
        ({"weekly": {"day": "Monday"}}, "Input should be 'monday', 'tuesday'"),
        ({"monthly": {"day": 31}}, "less than or equal to 28"),
        ({"working_days": []}, "at least 1 item"),
        ({"working_days": ["someday"]}, "Input should be 'monday'"),
        ({"holidays": [20261225]}, "must be a date such as 2026-12-25"),
        ({"holidays": ["25.12.2026"]}, "must be a date such as 2026-12-25"),
        ({"holidays": ["2026-02-29"]}, "day value is outside expected range"),
        ({"time_zone": "Berlin"}, "is no known time zone"),
    ],
)
def test_a_mistake_is_named(checks: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Configuration.of({"checks": checks}, ())


def test_the_settings_travel() -> None:
    checks = Checks.model_validate({"holidays": ["2026-12-25"], "daily": {"at": "07:30"}})
    assert Checks.model_validate_json(checks.model_dump_json()) == checks
