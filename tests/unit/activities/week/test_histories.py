"""Episodes of alerts, what became of incidents, and routes of two weeks."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.alerts_history.episodes import Episode, episodes_of, interval_of
from activities.alerts_history.incidents import Ended, LookAtIncidents, result_of
from activities.errors_history.routes import Change, Counts, compared, counted
from models.checks.item import ItemState

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_a_pause_that_is_longer_than_a_restart_ends_an_episode() -> None:
    times = [0, 15, 30, 45, 95, 110, 600]
    assert episodes_of([times], 15) == [Episode(0, 125), Episode(600, 615)]
    assert interval_of([times]) == 15
    assert interval_of([[7]]) == 60


def test_instances_that_overlap_are_one_episode() -> None:
    assert episodes_of([[0, 60, 120], [120, 180, 240], [900]], 60) == [Episode(0, 300), Episode(900, 960)]


@given(st.lists(st.lists(st.integers(0, 10_000), max_size=40).map(sorted), min_size=1, max_size=5))
def test_episodes_cover_every_sample_once_and_in_order(instances: list[list[int]]) -> None:
    found = episodes_of(instances, 15)
    for time in (time for one in instances for time in one):
        assert sum(one.began <= time < one.ended for one in found) == 1
    assert all(one.ended < two.began for one, two in pairwise(found))


def ended(alert: str, times: int = 1, **more: bool) -> list[Ended]:
    return [Ended(alert, "backend", lasted=60.0, **more) for _ in range(times)]


def test_what_became_of_each_incident_is_counted() -> None:
    incidents = [
        *ended("ServiceDown", 3, healed=True),
        *ended("ServiceDown", escalated=True, by_person=True),
        *ended("Slow", 2, noise=True),
        Ended("Open", "backend"),
    ]
    found = result_of(incidents, LookAtIncidents(), NOW)
    assert (found.state, found.reason) == (
        ItemState.OK,
        "7 incidents within 7 days: 2 self-recovered, 3 healed by us, 1 escalated, "
        "1 closed by a person, 1 open",
    )
    assert found.tables[0].rows == (
        ("ServiceDown", "backend", "4", "4 min", "1 min", "0", "3", "1", "1"),
        ("Slow", "backend", "2", "2 min", "1 min", "2", "0", "0", "0"),
        ("Open", "backend", "1", "-", "-", "0", "0", "0", "0"),
    )
    assert [one.name for one in found.charts[0].series] == [
        "self-recovered",
        "healed by us",
        "escalated",
        "closed by a person",
    ]


def test_what_mostly_recovers_by_itself_is_noise_and_what_has_no_review_is_told() -> None:
    noisy = [*ended("Slow", 3, noise=True), *ended("Slow", 2, healed=True)]
    found = result_of(noisy, LookAtIncidents(), NOW)
    assert found.state is ItemState.ATTENTION
    assert found.reason.startswith("Slow of backend recovered by itself 3 of 5 times")
    assert result_of(noisy, LookAtIncidents(noisy_from=4), NOW).state is ItemState.OK
    assert result_of([*noisy, *ended("Slow", 2)], LookAtIncidents(), NOW).state is ItemState.OK
    lost = result_of(ended("Slow", lost=True), LookAtIncidents(), NOW)
    assert (lost.state, "1 without a review" in lost.reason) == (ItemState.ATTENTION, True)


def test_a_week_without_incidents_is_fine() -> None:
    found = result_of([], LookAtIncidents(), NOW)
    assert (found.state, found.tables, found.charts) == (ItemState.OK, (), ())


@pytest.mark.parametrize(
    ("now", "before", "change"),
    [
        ((1000, 50), (1000, 10), Change.WORSE),
        ((1000, 10), (1000, 50), Change.BETTER),
        ((1000, 12), (1000, 10), Change.SAME),
        ((1000, 4), (1000, 0), Change.SAME),
        ((1000, 8), (1000, 4), Change.SAME),
        ((1000, 0), (0, 0), Change.NEW),
        ((0, 0), (1000, 0), Change.GONE),
        ((10, 10), (1000, 0), Change.QUIET),
        ((10, 10), (0, 0), Change.QUIET),
        ((1000, 0), (10, 10), Change.QUIET),
    ],
)
def test_how_a_route_differs(now: tuple[float, float], before: tuple[float, float], change: Change) -> None:
    (route,) = compared({"/a": Counts(*now)}, {"/a": Counts(*before)}, fewest=30)
    assert route.change is change


def test_statuses_are_counted_whether_they_are_grouped_or_not() -> None:
    series = [("/a", "200", 90.0), ("/a", "503", 5.0), ("/a", "5xx", 5.0), ("/b", "404", 1.0)]
    assert counted(series) == {"/a": Counts(100, 10), "/b": Counts(1, 0)}
