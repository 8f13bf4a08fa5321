"""The shape of a heap: growth, a step, and what the garbage collector only makes look like them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from activities.monitoring.heap_shape import Shape, Trend, trend
from activities.monitoring.metrics import Point

START = datetime(2026, 1, 1, tzinfo=UTC)
LEAST = 0.1
HOURS = 2

Course = Callable[[float], float]
"""The share of the heap, by the share of the time that has passed."""


def points(course: Course, count: int = 480) -> list[Point]:
    step = timedelta(hours=HOURS) / count
    return [Point(at=START + n * step, value=course(n / (count - 1))) for n in range(count)]


def teeth(count: float, height: float) -> Course:
    """Allocated, and given back at each collection of garbage."""
    return lambda x: height * ((x * count) % 1)


def both(one: Course, other: Course) -> Course:
    return lambda x: one(x) + other(x)


def line(begin: float, end: float) -> Course:
    return lambda x: begin + (end - begin) * x


def jump(at: float, before: float, after: float) -> Course:
    return lambda x: before if x < at else after


def noise(seed: int, height: float) -> Course:
    random_ = random.Random(seed)
    return lambda _: random_.uniform(0, height)


LEAKS: dict[str, Course] = {
    "a line": line(0.4, 0.9),
    "a line with noise": both(line(0.4, 0.9), noise(1, 0.05)),
    "a line under many teeth": both(line(0.3, 0.7), teeth(20, 0.15)),
    "a line under few teeth": both(line(0.3, 0.7), teeth(4.5, 0.2)),
    "flat, and then a line": lambda x: 0.4 + 1.7 * max(0.0, x - 0.7),
    "flat, and then a line, under teeth": both(lambda x: 0.3 + 1.2 * max(0.0, x - 0.6), teeth(30, 0.1)),
    "a little with each of many jobs": lambda x: 0.3 + 0.1 * int(6 * x),
    "faster and faster": lambda x: 0.3 + 0.6 * math.expm1(3 * x) / math.expm1(3),
}

NO_LEAKS: dict[str, Course] = {
    "flat": line(0.4, 0.4),
    "noise": both(line(0.4, 0.4), noise(2, 0.15)),
    "many teeth": both(line(0.3, 0.3), teeth(30, 0.6)),
    "few teeth": both(line(0.3, 0.3), teeth(4.5, 0.6)),
    "the second tooth is not over": both(line(0.3, 0.3), teeth(1.9, 0.6)),
    "falling": line(0.9, 0.4),
    "a peak that is over": lambda x: 0.95 if 0.4 < x < 0.6 else 0.4,
    "a restart after a growth": lambda x: 0.3 + x / 2 if x < 0.7 else 0.3,
    "hardly growing": line(0.40, 0.46),
}

STEPS: dict[str, Course] = {
    "a step": jump(0.6, 0.4, 0.93),
    "a step under teeth": both(jump(0.6, 0.3, 0.8), teeth(30, 0.13)),
    "a step a moment ago": jump(0.97, 0.4, 0.93),
    "loaded within minutes, and kept": lambda x: 0.4 + 5 * min(0.1, max(0.0, x - 0.5)),
}


@pytest.mark.parametrize("course", LEAKS.values(), ids=LEAKS)
def test_a_leak_grows_and_is_full_at_some_time(course: Course) -> None:
    seen = trend(points(course), LEAST)
    assert (seen.shape, seen.grows, seen.sure) == (Shape.GROWTH, True, True)
    assert seen.reaches(1.0) is not None


@pytest.mark.parametrize("course", NO_LEAKS.values(), ids=NO_LEAKS)
def test_what_is_given_back_was_never_leaked(course: Course) -> None:
    seen = trend(points(course), LEAST)
    assert (seen.shape, seen.reaches(1.0)) == (Shape.STEADY, None)


@pytest.mark.parametrize("course", STEPS.values(), ids=STEPS)
def test_a_step_is_no_leak(course: Course) -> None:
    seen = trend(points(course), LEAST)
    assert (seen.shape, seen.reaches(1.0)) == (Shape.STEP, None)


def test_when_a_step_was_is_known_to_a_sample() -> None:
    seen = trend(points(jump(0.6, 0.4, 0.93)), LEAST)
    assert seen.since is not None
    assert abs(seen.since - (START + timedelta(hours=0.6 * HOURS))) < timedelta(seconds=31)


def test_a_prediction_counts_from_now_and_not_from_the_last_collection() -> None:
    seen = trend(points(both(line(0.3, 0.7), teeth(4.5, 0.2))), LEAST)
    left = seen.reaches(1.0)
    assert left is not None
    assert timedelta(hours=1.1) < left < timedelta(hours=1.7), "0.3 of the heap at 0.2 an hour"


def test_what_climbs_to_its_ceiling_is_no_step() -> None:
    """It climbed for forty minutes, and cannot go on."""
    seen = trend(points(lambda x: min(0.97, 0.8 + 0.5 * x)), LEAST)
    assert (seen.shape, seen.levels_off) == (Shape.UNCLEAR, True)


def test_a_cache_that_fills_up_levels_off() -> None:
    seen = trend(points(lambda x: 0.3 + 0.65 * -math.expm1(-4 * x)), LEAST)
    assert (seen.levels_off, seen.grows) == (True, False)


def test_two_or_three_large_jobs_are_no_steady_growth() -> None:
    """Nothing urgent is done for them, although a line fits, and is full within minutes."""
    for course in (
        lambda x: 0.3 + 0.3 * (x > 0.3) + 0.3 * (x > 0.7),
        lambda x: 0.3 + 0.15 * ((x > 0.2) + (x > 0.45) + (x > 0.7)),
    ):
        seen = trend(points(course), LEAST)
        assert (seen.shape, seen.sure) == (Shape.GROWTH, False)


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_few_samples_have_no_shape(count: int) -> None:
    assert trend(points(line(0.1, 0.9), count) if count > 1 else [], LEAST) == Trend()


def test_samples_of_one_moment_have_no_shape() -> None:
    assert trend([Point(at=START, value=0.1 * n) for n in range(8)], LEAST).shape is Shape.UNKNOWN


@pytest.mark.parametrize("count", [13, 60, 480])
def test_the_shape_does_not_depend_on_how_often_it_was_looked_at(count: int) -> None:
    assert trend(points(line(0.4, 0.9), count), LEAST).grows
    assert trend(points(jump(0.6, 0.4, 0.9), count), LEAST).shape is Shape.STEP
