"""Forecasts of known series give the known answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.forecasts.daily import Of, by_day
from activities.forecasts.limit import When, reached
from activities.forecasts.trend import Daily, Trend, trend
from activities.monitoring.metrics import Point

FIRST = date(2026, 11, 2)
"""A Monday."""
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)

Course = Callable[[int], float | None]


def days(course: Course, number: int = 30) -> list[Daily]:
    known = ((day, course(day)) for day in range(number))
    return [Daily(FIRST + timedelta(days=day), value) for day, value in known if value is not None]


def of(course: Course, number: int = 30, certainty: float = 0.8) -> Trend:
    found = trend(days(course, number), certainty)
    assert found is not None
    return found


def noise(seed: int, size: float) -> Callable[[int], float]:
    drawn = random.Random(seed)
    values = [drawn.gauss(0, size) for _ in range(400)]
    return lambda day: values[day]


def test_a_straight_line_reaches_its_limit_on_the_day() -> None:
    found = of(lambda day: 100 + 2.0 * day)
    assert (found.level, found.slope.value) == (158, 2)
    when = reached(found, 200)
    assert (when.when, when.on) == (When.ABOUT, FIRST + timedelta(days=50))
    assert when.earliest == when.latest == when.on


def test_noise_leaves_the_known_line_within_the_interval() -> None:
    """The true slope, and the true day, are inside as often as was said."""
    inside = right = 0
    for seed in range(100):
        some = noise(seed, 5)
        found = of(lambda day, some=some: 100 + 1.0 * day + some(day))  # type: ignore[misc]
        inside += found.slope.low <= 1 <= found.slope.high
        when = reached(found, 200)
        assert when.earliest is not None
        right += when.earliest <= FIRST + timedelta(days=100) <= (when.latest or date.max)
    assert inside >= 72
    assert right >= 72


def test_the_next_day_is_in_its_interval_as_often_as_was_said() -> None:
    held = 0
    for seed in range(200):
        some = noise(seed, 5)
        found = of(lambda day, some=some: 100 + 1.0 * day + some(day))  # type: ignore[misc]
        band = found.at(7)
        held += band.low <= 136 + some(36) <= band.high
    assert 145 <= held <= 190, "80 % of 200"


def test_a_constant_reaches_nothing() -> None:
    found = of(lambda _: 40.0)
    assert (found.slope.value, found.noise) == (0, 0)
    assert reached(found, 100).says == "not within 12 months"
    assert reached(found, 40).says == "already"


def test_constant_noise_far_below_the_limit_is_not_within_a_year() -> None:
    assert reached(of(noise(7, 0.5)), 100).when is When.NOT_WITHIN


def test_what_falls_reaches_nothing() -> None:
    some = noise(3, 1)
    found = of(lambda day: 90 - 1.0 * day + some(day))
    assert found.slope.value == pytest.approx(-1, abs=0.05)
    assert reached(found, 100).when is When.NOT_WITHIN


def test_a_step_is_no_trend() -> None:
    some = noise(4, 0.5)
    found = of(lambda day: (20 if day < 18 else 60) + some(day))
    assert found.step == FIRST + timedelta(days=18)
    assert found.level == pytest.approx(60, abs=0.5)
    assert found.slope.value == pytest.approx(0, abs=0.05)
    assert reached(found, 100).when is When.NOT_WITHIN


def test_a_step_down_in_something_that_grows() -> None:
    """A table was dropped; what is left grows on as before."""
    found = of(lambda day: 100 + 2.0 * day - (50 if day >= 15 else 0))
    assert (found.slope.value, found.level) == (2, 108)
    assert reached(found, 128).on == found.last + timedelta(days=10)
    assert found.step == FIRST + timedelta(days=15)


def test_outliers_and_gaps_change_nothing() -> None:
    def course(day: int) -> float | None:
        if day in (3, 4, 5, 6, 20):
            return None
        return 900.0 if day in (8, 17, 28) else 100 + 2.0 * day

    found = of(course)
    assert found.slope.value == 2
    assert found.level == pytest.approx(158)
    assert reached(found, 200).on == FIRST + timedelta(days=50)


def test_a_weekly_rhythm_is_no_trend_and_its_highest_day_reaches_the_limit() -> None:
    course: Course = lambda day: 50 + 0.5 * day + (-20 if day % 7 in (5, 6) else 8)  # noqa: E731
    found = of(course, 35)
    assert found.slope.value == pytest.approx(0.5)
    assert found.weekly[5] == pytest.approx(-20) and found.weekly[0] == pytest.approx(8)
    assert found.level == pytest.approx(67)
    assert reached(found, 100).on == found.last + timedelta(days=50), "on a weekday, 8 above the average"
    assert found.at(1).value == pytest.approx(75.5), "a Monday"
    assert found.at(6).value == pytest.approx(50), "a Saturday"


def test_of_noise_no_weekly_rhythm_is_made() -> None:
    assert sum(bool(of(noise(seed, 5), 30).weekly) for seed in range(50)) <= 5


def test_of_noise_no_step_is_made() -> None:
    assert sum(of(noise(seed, 5), 30).step is not None for seed in range(50)) <= 2


def test_two_weeks_show_no_weekly_rhythm() -> None:
    assert of(lambda day: 50 + (-20 if day % 7 in (5, 6) else 8), 15).weekly == {}


def test_days_that_are_like_the_day_before_make_it_less_sure() -> None:
    """Taken for days of their own, the true slope would be in the interval half as often as was said."""
    inside = 0
    for seed in range(100):
        drawn, value = random.Random(seed), 0.0
        some = [value := 0.7 * value + drawn.gauss(0, 1) for _ in range(60)][20:]
        found = of(lambda day, some=some: 0.3 * day + some[day], 40)  # type: ignore[misc]
        inside += found.slope.low <= 0.3 <= found.slope.high
    assert inside >= 60


@pytest.mark.parametrize("since", [10, 15, 20])
def test_what_grows_only_lately_is_not_averaged_with_what_it_was(since: int) -> None:
    some = noise(2, 0.3)
    found = of(lambda day: 50 + 2.0 * max(0, day - 30 + since) + some(day))
    assert found.slope.value == pytest.approx(2, abs=0.15)
    assert found.bend or found.step


def test_of_noise_no_bend_is_made() -> None:
    assert sum(of(noise(seed, 5), 30).bend is not None for seed in range(50)) <= 2


def test_an_unsure_slope_says_between_when() -> None:
    some = noise(11, 12)
    when = reached(of(lambda day: 60 + 0.15 * day + some(day)), 100)
    assert when.latest is None
    assert "between" in when.says and "later than 12 months" in when.says


def test_too_few_days_are_no_trend() -> None:
    assert trend(days(float, 9)) is None
    assert trend(days(float, 10)) is not None


def test_what_was_loaded_at_the_beginning_grows_no_more() -> None:
    """An index is built in four days, and nothing comes after."""
    found = of(lambda day: min(80.0, 20.0 * (day + 1)))
    assert found.slope.value == 0
    assert reached(found, 100).when is When.NOT_WITHIN


def test_what_comes_and_goes_within_a_day_is_no_growth() -> None:
    """A backup is written once a day and removed hours later: the most of each day is the same."""
    points = [
        Point(at=NOON + timedelta(hours=6 * place), value=150.0 if place % 4 == 2 else 100.0)
        for place in range(120)
    ]
    found = trend(by_day(points, Of.ITS_MOST, "UTC"))
    assert found is not None
    assert (found.level, found.slope.value) == (150, 0)


def test_a_day_whose_processes_were_all_replaced_counts_too_little_and_changes_nothing() -> None:
    """`increase` does not see what a new series begins with."""
    found = of(lambda day: 40.0 if day in (6, 13, 14, 27) else 100 + 2.0 * day)
    assert (found.slope.value, reached(found, 200).on) == (2, FIRST + timedelta(days=50))


def test_a_database_that_the_exporter_may_see_from_now_on_is_a_step() -> None:
    found = of(lambda day: 10 + 0.1 * day + (30 if day >= 20 else 0))
    assert found.step == FIRST + timedelta(days=20)
    assert found.slope.value == pytest.approx(0.1)


def test_points_at_midnight_tell_of_the_day_before_also_where_clocks_change() -> None:
    """Steps of 24 hours: after the change they are an hour off."""
    begins = datetime(2026, 10, 23, 22, tzinfo=UTC)  # midnight in Berlin, three days before the change
    points = [Point(at=begins + timedelta(days=day), value=float(day)) for day in range(6)]
    found = by_day(points, Of.ALL_OF_IT, "Europe/Berlin")
    assert [(one.day.day, one.value) for one in found] == [
        (23, 0), (24, 1), (25, 2), (26, 3), (27, 4), (28, 5),
    ]  # fmt: skip


@settings(max_examples=60)
@given(
    st.lists(st.floats(-1e12, 1e12, allow_nan=False), min_size=10, max_size=40),
    st.floats(-1e12, 1e12, allow_nan=False),
)
def test_whatever_the_days_are_the_interval_holds_the_value(values: list[float], limit: float) -> None:
    found = trend([Daily(FIRST + timedelta(days=day), value) for day, value in enumerate(values)])
    assert found is not None
    assert found.slope.low <= found.slope.value <= found.slope.high
    for ahead in (0, 30, 90, 365):
        band = found.at(ahead)
        assert band.low <= band.value <= band.high
    when = reached(found, limit)
    if when.on and when.earliest and when.when is When.ABOUT:
        assert when.earliest <= when.on <= (when.latest or date.max)
