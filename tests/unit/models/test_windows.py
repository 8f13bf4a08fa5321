"""Maintenance windows: what they cover, when they are in force, and that each has an end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from models.calendar import Calendar
from models.incident.maintenance import EndWindow, Window
from models.incident.stewardship import ControlRoomState
from workflows.stewardship.windows import ended, next_change, taken

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def window(**changes: Any) -> Window:
    fields = {"id": "a", "begins": NOON, "lasts": HOUR, "by": "ada", "why": "a migration"}
    return Window.model_validate({**fields, **changes})


def sundays(at: str = "02:30", lasts: timedelta = HOUR) -> Window:
    calendar = Calendar.model_validate(
        {"at": at, "time_zone": "Europe/Berlin", "weekdays": ["sunday"], "holidays": []}
    )
    return window(again=calendar, lasts=lasts, begins=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("of", "covered"),
    [
        ({}, [("A", "x"), ("B", "y")]),
        ({"service": "x"}, [("A", "x"), ("B", "x")]),
        ({"alert": "A"}, [("A", "x"), ("A", "y")]),
        ({"alert": "A", "service": "x"}, [("A", "x")]),
    ],
)
def test_it_is_for_the_fleet_a_service_an_alert_or_both(of: dict[str, str], covered: list[Any]) -> None:
    one = window(**of)
    every = [(alert, service) for alert in "AB" for service in "xy"]
    inside = [pair for pair in every if one.covers(*pair)]
    assert inside == (every if not of else [pair for pair in every if pair in covered])


def test_it_is_in_force_from_its_begin_until_just_before_its_end() -> None:
    one = window()
    second = timedelta(seconds=1)
    moments = (NOON - second, NOON, NOON + HOUR - second, NOON + HOUR)
    assert [one.in_force(moment) for moment in moments] == [False, True, True, False]
    assert one.span(NOON + HOUR) is None


def test_windows_without_an_end_or_longer_than_a_week_are_refused() -> None:
    for wrong in ({"lasts": timedelta()}, {"lasts": timedelta(days=7, seconds=1)}):
        with pytest.raises(ValidationError):
            window(**wrong)
    with pytest.raises(ValidationError, match="comes again lasts at most 12 hours"):
        sundays(lasts=timedelta(hours=13))


@pytest.mark.parametrize(
    ("around", "begins", "ends"),
    [
        (datetime(2026, 3, 20, tzinfo=UTC), "2026-03-22T01:30", "2026-03-22T02:30"),
        # 02:30 does not exist: it begins when the clock shows 03:00, and lasts as long as ever
        (datetime(2026, 3, 28, tzinfo=UTC), "2026-03-29T01:00", "2026-03-29T02:00"),
        # 02:30 exists twice: once only
        (datetime(2026, 10, 24, tzinfo=UTC), "2026-10-25T02:00", "2026-10-25T03:00"),
    ],
)
def test_one_that_comes_again_keeps_its_length_when_the_clocks_are_set(
    around: datetime, begins: str, ends: str
) -> None:
    one = sundays()
    span = one.span(around)
    assert span is not None
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in span] == [begins, ends]
    minutes = [span[0] + timedelta(minutes=n) for n in range(-180, 240)]
    assert sum(one.in_force(minute) for minute in minutes) == 60, "once, and for an hour"


def test_the_end_of_overlapping_windows_is_that_of_the_last() -> None:
    chained = window(id="b", begins=NOON + HOUR / 2, lasts=2 * HOUR)
    later = window(id="c", begins=NOON + 5 * HOUR)
    elsewhere = window(id="d", service="y", lasts=9 * HOUR)
    room = ControlRoomState(windows=(window(), chained, later, elsewhere))
    paused = room.pauses("A", "x", NOON)
    assert paused is not None
    assert paused.until == NOON + 2.5 * HOUR


def test_the_switch_pauses_everything_without_an_end() -> None:
    paused = ControlRoomState(suspended=True, by="ada", windows=(window(),)).pauses("A", "x", NOON)
    assert paused is not None
    assert (paused.until, paused.why) == (None, "suspended by ada: no reason given")


def test_one_that_comes_again_ends_for_this_time_or_for_good() -> None:
    begin = datetime(2026, 3, 22, 1, 30, tzinfo=UTC)
    now = begin + timedelta(minutes=10)
    (left,) = ended((sundays(),), EndWindow(id="a"), now)
    assert not left.in_force(now)
    assert left.span(now) == (datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC))
    assert ended((sundays(),), EndWindow(id="a", for_good=True), now) == ()
    assert ended((sundays(),), EndWindow(id="a"), begin - HOUR) == (), "it was only planned"


def test_there_are_never_more_than_fifty() -> None:
    windows: tuple[Window, ...] = ()
    for n in range(60):
        windows = taken(windows, window(id=f"w{n}"), NOON)
    assert len(windows) == 50
    late = window(id="late", begins=NOON + 2 * HOUR)
    assert taken(windows, late, NOON + 2 * HOUR) == (late,), "what is over makes room"


def test_the_next_change_is_a_begin_or_an_end() -> None:
    room = ControlRoomState(windows=(window(), window(id="b", begins=NOON + HOUR / 2)))
    assert next_change(room, NOON - HOUR) == NOON
    assert next_change(room, NOON) == NOON + HOUR / 2
    assert next_change(room, NOON + HOUR / 2) == NOON + HOUR
    assert next_change(room, NOON + 2 * HOUR) is None
