"""When the checks run: one row for each, and the schedule that Temporal should have for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from models.calendar import WEEKDAYS, Calendar
from models.checks.check import CheckName, CheckRequest
from models.configuration.configuration import Configuration
from models.names import TASK_QUEUE, check_id
from workflows.checks.registry import CHECKS

CATCH_UP = timedelta(hours=1)
"""What was due while Temporal was away still runs if it is late by no more than this."""

YEARS_AHEAD = 2
"""So many years after this one have their changes of the clock in the schedule; each new year adds one."""

Ranges = tuple[ScheduleRange, ...]
_EVERY_DAY: Ranges = (ScheduleRange(1, 31),)


@dataclass(frozen=True)
class CheckSchedule:
    """A check and when it is due. While a run of it is open, the next one is skipped."""

    check: CheckName
    enabled: bool
    calendar: Calendar
    catch_up: timedelta = CATCH_UP
    task_queue: str = TASK_QUEUE

    @property
    def id(self) -> str:
        return check_id(self.check)

    @property
    def workflow(self) -> str:
        return CHECKS[self.check].__name__


def schedules(configuration: Configuration) -> tuple[CheckSchedule, ...]:
    """The table, as the configuration has it."""
    checks = configuration.checks
    daily, weekly, monthly = checks.daily, checks.weekly, checks.monthly
    zone = checks.time_zone or configuration.time_zone
    return (
        CheckSchedule(
            CheckName.DAILY,
            daily.enabled,
            Calendar(at=daily.at, time_zone=zone, weekdays=checks.working_days, holidays=checks.holidays),
        ),
        CheckSchedule(
            CheckName.WEEKLY,
            weekly.enabled,
            Calendar(at=weekly.at, time_zone=zone, weekdays=(weekly.day,)),
        ),
        CheckSchedule(
            CheckName.MONTHLY,
            monthly.enabled,
            Calendar(at=monthly.at, time_zone=zone, day_of_month=monthly.day),
        ),
    )


def schedule_of(row: CheckSchedule, year: int) -> Schedule:
    """What the schedule of a check should be in this year."""
    return Schedule(
        action=ScheduleActionStartWorkflow(
            row.workflow,
            CheckRequest(name=row.check),
            id=row.id,
            task_queue=row.task_queue,
            static_summary=f"the {row.check.value} check",
        ),
        spec=spec_of(row.calendar, year),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=row.catch_up),
    )


def spec_of(calendar: Calendar, year: int) -> ScheduleSpec:
    """The calendar for the server, which by itself leaves out a time that does not exist, and takes
    either of two."""
    moved = calendar.moved(date(year, 1, 1), date(year + YEARS_AHEAD, 12, 31))
    usual = ScheduleCalendarSpec(
        minute=_only(calendar.at.minute),
        hour=_only(calendar.at.hour),
        day_of_month=_only(calendar.day_of_month) if calendar.day_of_month else _EVERY_DAY,
        day_of_week=tuple(ScheduleRange(_as_the_server_counts(day)) for day in calendar.weekdays),
        comment=calendar.words,
    )
    skipped = sorted({*calendar.holidays, *moved})
    return ScheduleSpec(
        calendars=[usual, *(_at(moment) for moment in moved.values())],
        skip=[_at(datetime.combine(day, calendar.at)) for day in skipped],
        time_zone_name=calendar.time_zone,
    )


def _at(moment: datetime) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        minute=_only(moment.minute),
        hour=_only(moment.hour),
        day_of_month=_only(moment.day),
        month=_only(moment.month),
        year=_only(moment.year),
    )


def _only(number: int) -> Ranges:
    return (ScheduleRange(number),)


def _as_the_server_counts(day: str) -> int:
    """Sunday is 0."""
    return (WEEKDAYS.index(day) + 1) % 7
