"""Forecasts of known series give the known answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from activities.forecasts.limit import When, reached
from activities.forecasts.trend import Daily, Trend, trend

FIRST = date(2026, 11, 2)
"""A Monday."""

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
