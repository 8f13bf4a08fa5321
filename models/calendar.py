"""When something is due by the clock on the wall: its time, its days, its holidays, its time zone.

Where daylight saving begins or ends, a time may not exist on a day, or exist twice. What is due then
is due once: at the first minute after it that exists once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

from models.base import Model
from models.zone import Zone

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:00)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MINUTE = timedelta(minutes=1)
_YEAR = 366
"""Days."""


def _clock(value: Any) -> Any:
    """Numbers would be seconds, and a time with an offset would not be of the zone."""
    if isinstance(value, time) or (isinstance(value, str) and _CLOCK.fullmatch(value)):
        return value
    raise ValueError('must be a time with hour and minute, in quotes, such as "09:00"')


def _date(value: Any) -> Any:
    """Numbers would be seconds since 1970."""
    if type(value) is date or (isinstance(value, str) and _DATE.fullmatch(value)):
        return value
    raise ValueError("must be a date such as 2026-12-25")


ClockTime = Annotated[time, BeforeValidator(_clock)]
"""An hour and a minute, as a clock shows them."""
CalendarDate = Annotated[date, BeforeValidator(_date)]
"""A day of a calendar."""


class Calendar(Model):
    """The days and the time at which something is due."""

    at: ClockTime
    time_zone: Zone
    weekdays: tuple[Weekday, ...] = WEEKDAYS
    day_of_month: int | None = None
    holidays: tuple[CalendarDate, ...] = ()
    """Days on which it is not due."""

    @property
    def words(self) -> str:
        """As a person says it: `Monday to Friday at 09:00, Europe/Berlin`."""
        days = f"day {self.day_of_month} of the month" if self.day_of_month else _days(self.weekdays)
        return f"{days} at {self.at:%H:%M}, {self.time_zone}"

    def due_on(self, day: date) -> bool:
        """Whether it is due on this day."""
        return (
            WEEKDAYS[day.weekday()] in self.weekdays
            and self.day_of_month in (None, day.day)
            and day not in self.holidays
        )

    def last_due(self, now: datetime) -> datetime | None:
        """The last moment up to now at which it was due; None when there was none within the year."""
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=n) for n in range(_YEAR)):
            if self.due_on(day):
                moment = self._once(datetime.combine(day, self.at)).replace(tzinfo=zone)
                if moment <= now:
                    return moment
        return None

    def next_due(self, now: datetime) -> datetime | None:
        """The first moment after now at which it is due; None when there is none within the year."""
        zone = ZoneInfo(self.time_zone)
        today = now.astimezone(zone).date()
        for day in (today + timedelta(days=n) for n in range(_YEAR + 1)):
            if self.due_on(day):
                moment = self._once(datetime.combine(day, self.at)).replace(tzinfo=zone)
                if moment > now:
                    return moment
        return None

    def moved(self, first: date, last: date) -> dict[date, datetime]:
        """The days from the first to the last on which it is due at another time, with that time.

        They are those on which its time does not exist or exists twice. The times have no zone: they are
        what the clock shows.
        """
        return {
            day: self._once(datetime.combine(day, self.at))
            for day in _days_between(first, last)
            if self.due_on(day) and not self._exists_once(datetime.combine(day, self.at))
        }

    def _once(self, moment: datetime) -> datetime:
        while not self._exists_once(moment):
            moment += _MINUTE
        return moment

    def _exists_once(self, moment: datetime) -> bool:
        """The two readings of a time differ exactly where clocks skip it or show it again."""
        there = moment.replace(tzinfo=ZoneInfo(self.time_zone))
        return there.utcoffset() == there.replace(fold=1).utcoffset()


def _days_between(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _days(named: tuple[Weekday, ...]) -> str:
    """`every day`, `Monday to Friday`, or each by its name."""
    numbers = sorted({WEEKDAYS.index(one) for one in named})
    if len(numbers) == len(WEEKDAYS):
        return "every day"
    names = [WEEKDAYS[number].capitalize() for number in numbers]
    in_a_row = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"{names[0]} to {names[-1]}" if in_a_row and len(names) > 2 else ", ".join(names)
