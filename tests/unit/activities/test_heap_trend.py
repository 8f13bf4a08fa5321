"""Whether a heap grows, by the line through its samples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.monitoring.metrics import Point
from activities.monitoring.service_metrics import heap_trend

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


def test_a_heap_that_is_full_already_has_no_time_left() -> None:
    seen = heap_trend(points(0.6, 0.7, 0.8, 0.9, 1.0), LEAST_GROWTH)
    assert (seen.bad, seen.full_in) == (True, None)
