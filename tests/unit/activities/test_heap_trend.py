"""Whether a heap grows, by the line through its samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.monitoring.heap import heap_trend
from activities.monitoring.metrics import Point

START = datetime(2026, 1, 1, tzinfo=UTC)
LEAST_GROWTH = 0.1


def points(*shares: float) -> list[Point]:
    """One sample a quarter of an hour."""
    return [Point(at=START + n * timedelta(minutes=15), value=share) for n, share in enumerate(shares)]


def test_steady_growth_is_a_leak_and_says_when_it_is_full() -> None:
    seen = heap_trend(points(0.4, 0.45, 0.5, 0.55, 0.6), LEAST_GROWTH)
    assert seen.bad
    assert seen.slope == pytest.approx(0.2)
    assert seen.fit == pytest.approx(1)
    assert seen.full_in == timedelta(hours=2)
    assert seen.reason == "60% of the heap in use, growing steadily by 20% in 1 h (fit 1.00), full in 2 h"


@pytest.mark.parametrize(
    "shares",
    [
        (0.5, 0.5, 0.5, 0.5, 0.5),
        (0.5, 0.5, 0.5, 0.5, 0.5 + 2**-53),
        (0.5, 0.5 + 1e-15, 0.5, 0.5 + 1e-15, 0.5 + 2e-15),
        (0.6, 0.55, 0.5, 0.45, 0.4),
        (0.4, 0.7, 0.3, 0.6, 0.5),
        (0.40, 0.41, 0.42, 0.43, 0.44),
    ],
    ids=["flat", "flat but for a rounding", "all but flat", "falling", "up and down", "hardly growing"],
)
def test_anything_else_is_none(shares: tuple[float, ...]) -> None:
    seen = heap_trend(points(*shares), LEAST_GROWTH)
    assert seen.ok
    assert seen.full_in is None
    assert seen.fit is not None
    assert 0 <= seen.fit <= 1 + 1e-9


@pytest.mark.parametrize(
    "shares",
    [
        (1e308, 1.1e308, 1.2e308, 1.3e308, 1.4e308),
        (-1e308, 0.0, 0.1, 0.2, 1e308),
        (1e8, 2e8, 3e8, 4e8, 5e8),
    ],
    ids=["beyond all numbers", "both ways", "bytes and no shares"],
)
def test_what_is_no_share_is_unknown(shares: tuple[float, ...]) -> None:
    seen = heap_trend(points(*shares), LEAST_GROWTH)
    assert (seen.unknown, "a share is from 0 to 1" in seen.reason) == (True, True)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_samples_say_nothing(count: int) -> None:
    assert heap_trend(points(*[0.1 * n for n in range(count)]), LEAST_GROWTH).unknown


def test_samples_of_one_moment_say_nothing() -> None:
    assert heap_trend([Point(at=START, value=0.1 * n) for n in range(6)], LEAST_GROWTH).unknown


def test_a_growth_that_takes_for_ever_has_no_end_that_is_told() -> None:
    seen = heap_trend(points(*[0.1 + n * 1e-13 for n in range(9)]), 1e-15)
    assert (seen.bad, seen.full_in) == (True, None)


def test_a_growth_that_was_seen_for_a_short_time_may_be_a_warm_up() -> None:
    seen = heap_trend(points(0.1, 0.2, 0.3, 0.4, 0.5), LEAST_GROWTH, timedelta(hours=2))
    assert (seen.unknown, "warm-up" in seen.reason) == (True, True)


def test_a_heap_that_is_full_already_has_no_time_left() -> None:
    seen = heap_trend(points(0.6, 0.7, 0.8, 0.9, 1.0), LEAST_GROWTH)
    assert (seen.bad, seen.full_in) == (True, None)
