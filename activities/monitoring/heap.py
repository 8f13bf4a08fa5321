"""Whether a heap grows steadily, by the straight line through its samples."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import StatisticsError, correlation, linear_regression

from activities.monitoring.metrics import Point
from models.base import in_words
from models.evidence.evidence import Evidence, Finding

GROWS_STEADILY = 0.8
"""The least R² of a leak: memory that goes up and down does not fit a line."""
FEWEST_POINTS = 5
MOST_OF_A_SHARE = 1.1
"""A share may be a little over 1, where the limit is not the whole truth."""
NO_SHARE = "a share is from 0 to 1, so correct the expression"
FORESEEN = timedelta(days=30)
"""A heap that is full later than this is not said to be full some day."""


class HeapSeen(Evidence):
    """The share of the heap in use, and whether it grows: the slope of a straight line and its fit."""

    share: float | None = None
    slope: float | None = None
    """Growth of the share in an hour."""
    fit: float | None = None
    """R² of the line: 1 is steady growth."""
    over: timedelta | None = None
    """How long the samples were seen."""
    full_in: timedelta | None = None
    """When the line reaches the limit."""


def heap_trend(points: Sequence[Point], least_growth: float, least_time: timedelta = timedelta()) -> HeapSeen:
    """A straight line through the points, by least squares: does the heap grow, and steadily?

    `unknown` where the points are too few, or seen for less than `least_time`, or are no shares.
    """
    shares = [point.value for point in points]
    over = points[-1].at - points[0].at if points else timedelta()
    if len(points) < FEWEST_POINTS or not over:
        return _unknown(f"only {len(points)} samples of the heap")
    if not all(0 <= share <= MOST_OF_A_SHARE for share in shares):
        wrong = next(share for share in shares if not 0 <= share <= MOST_OF_A_SHARE)
        return _unknown(f"`metrics.heap` gives {wrong:g}: {NO_SHARE}")
    hours = [(point.at - points[0].at) / timedelta(hours=1) for point in points]
    slope, fit = linear_regression(hours, shares).slope, _fit(hours, shares)
    grown = slope * hours[-1]
    grows = fit >= GROWS_STEADILY and grown >= least_growth
    if grows and over < least_time:
        return _unknown(f"the heap grows, but was seen for {in_words(over)} only: that may be a warm-up")
    full_in = _full_in(shares[-1], slope) if grows else None
    words = f"{shares[-1]:.0%} of the heap in use"
    if grows:
        words += f", growing steadily by {grown:.0%} in {in_words(over)} (fit {fit:.2f})"
    if full_in:
        words += f", full in {in_words(full_in)}"
    return HeapSeen(
        finding=Finding.BAD if grows else Finding.OK,
        reason=words,
        observed_at=datetime.now(UTC),
        share=shares[-1],
        slope=slope,
        fit=fit,
        over=over,
        full_in=full_in,
    )


def _full_in(share: float, slope: float) -> timedelta | None:
    hours = (1 - share) / slope
    return timedelta(hours=hours) if 0 < hours <= FORESEEN / timedelta(hours=1) else None


def _fit(hours: Sequence[float], shares: Sequence[float]) -> float:
    """R²; a heap that stays the same grows by no line, so that it is 0."""
    try:
        return correlation(hours, shares) ** 2
    except StatisticsError:
        return 0.0


def _unknown(reason: str) -> HeapSeen:
    return HeapSeen(reason=reason, observed_at=datetime.now(UTC))
