"""Thresholds beside known series: what is measured of them, and what is proposed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from activities.baselines.measure import Measured, Threshold, firings, measure, percentile
from activities.monitoring.metrics import Point
from models.configuration.monthly import ThresholdSettings

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)
A_DAY = 288
FIVE = timedelta(minutes=5)

Course = Callable[[int, int], float | None]
"""The value at a day and at a point of that day."""


def series(course: Course, days: int = 30) -> list[Point]:
    at = [(day, point) for day in range(days) for point in range(A_DAY)]
    known = ((day, point, course(day, point)) for day, point in at)
    return [
        Point(at=BEGAN + day * timedelta(days=1) + point * STEP, value=value)
        for day, point, value in known
        if value is not None
    ]


def measured(course: Course, threshold: Threshold, days: int = 30, **more: object) -> Measured:
    return measure(series(course, days), threshold, STEP, ThresholdSettings(), **more)  # type: ignore[arg-type]


def peaks(height: float, on: Callable[[int], bool], lasts: int = 6) -> Course:
    """0.01, with a peak at noon of some days."""
    return lambda day, point: height if on(day) and 144 <= point < 144 + lasts else 0.01


def test_percentiles_of_a_known_series() -> None:
    values = [float(number) for number in range(101)]
    assert [percentile(values, share) for share in (0.5, 0.95, 0.99)] == pytest.approx([50, 95, 99])
    assert percentile([7.0], 0.99) == 7


def test_a_threshold_that_fires_every_day_without_an_incident_is_raised() -> None:
    found = measured(peaks(0.08, lambda _: True), Threshold(0.05, FIVE))
    assert (found.fired, found.over, found.days) == (30, 30 * 6 * STEP, 30)
    assert found.proposed == 0.1, "0.08 and a quarter more"
    assert found.would_fire == 0
    assert "on 30 of 30 days" in found.reason


def test_a_bad_day_in_ten_changes_nothing() -> None:
    found = measured(peaks(0.08, lambda day: day % 10 == 0), Threshold(0.05, FIVE))
    assert (found.fired, found.proposed) == (3, None)
    assert found.judged and found.reason.startswith("right")


def test_more_than_one_day_in_ten_is_too_often() -> None:
    found = measured(peaks(0.08, lambda day: day % 8 == 0), Threshold(0.05, FIVE))
    assert (found.fired, found.proposed) == (4, 0.1)


def test_peaks_shorter_than_its_for_do_not_fire() -> None:
    found = measured(peaks(0.08, lambda _: True, lasts=3), Threshold(0.05, timedelta(minutes=15)))
    assert (found.fired, found.proposed) == (0, None)


def test_a_threshold_far_beyond_what_is_usual_is_lowered() -> None:
    found = measured(lambda day, point: 0.1 + 0.001 * (point % 10), Threshold(1.0, FIVE))
    assert found.proposed == pytest.approx(0.22), "twice 0.109, on to two digits"
    assert "9 times" in found.reason


def test_a_floor_is_measured_downwards() -> None:
    course: Course = lambda day, point: 8.0 if point < 6 else 20.0  # noqa: E731
    found = measured(course, Threshold(10.0, FIVE, above=False))
    assert (found.fired, found.proposed, found.p50, found.p99) == (30, 6.4, 20, 8)
    far = measured(lambda *_: 100.0, Threshold(10.0, FIVE, above=False))
    assert far.proposed == 50


def test_a_share_is_never_proposed_beyond_what_there_is() -> None:
    found = measured(peaks(0.92, lambda _: True), Threshold(0.9, FIVE, share=True))
    assert found.proposed == 0.95
    full = measured(peaks(0.97, lambda _: True), Threshold(0.9, FIVE, share=True))
    assert full.proposed is None and "more room" in full.reason


def test_too_little_data_proposes_nothing() -> None:
    found = measured(peaks(0.08, lambda _: True), Threshold(0.05, FIVE), days=6)
    assert (found.proposed, found.judged) == (None, False)
    assert found.reason == "too little data: 6 days, and 7 are needed"


def test_incidents_that_fill_the_baseline_propose_nothing() -> None:
    incidents = [(BEGAN, BEGAN + timedelta(days=12))]
    found = measured(peaks(0.08, lambda _: True), Threshold(0.05, FIVE), incidents=incidents)
    assert (found.proposed, found.judged) == (None, False)
    assert "incidents fill 40%" in found.reason


def test_what_is_beyond_it_most_of_the_time_is_for_a_person() -> None:
    found = measured(lambda *_: 0.2, Threshold(0.05, FIVE))
    assert (found.fired, found.proposed, found.judged) == (1, None, False)
    assert "100% of the time" in found.reason


def test_known_incidents_do_not_raise_a_threshold() -> None:
    """Every third day there was one, and the alert was right."""
    noon = timedelta(hours=12)
    days = [BEGAN + day * timedelta(days=1) for day in range(0, 30, 3)]
    incidents = [(day + noon - STEP, day + noon + timedelta(hours=1)) for day in days]
    course = peaks(0.08, lambda day: day % 3 == 0)
    assert measured(course, Threshold(0.05, FIVE)).proposed == 0.1
    assert measured(course, Threshold(0.05, FIVE), incidents=incidents).proposed is None


def test_nothing_is_usual_about_zero() -> None:
    found = measured(lambda *_: 0.0, Threshold(0.05, FIVE))
    assert found.judged and found.proposed is None


def test_a_gap_ends_a_stretch() -> None:
    """As in Prometheus, where an expression without a value is no alert."""
    course: Course = lambda day, point: None if point == 3 else 1.0 if point < 6 else 0.0  # noqa: E731
    lasting = [timedelta(minutes=minutes) for minutes in (5, 10, 15)]
    assert [len(firings(series(course, 1), Threshold(0.5, one), STEP)) for one in lasting] == [2, 1, 0]


def test_equal_to_it_is_beyond_only_where_the_rule_says_so() -> None:
    assert not Threshold(5).beyond(5)
    assert Threshold(5, inclusive=True).beyond(5)


def test_a_day_begins_in_the_zone_of_the_configuration() -> None:
    assert measured(lambda *_: 1.0, Threshold(2), days=1, zone="Asia/Tokyo").days == 2
