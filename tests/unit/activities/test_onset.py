"""When errors began, by the points of their ratio."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from activities.monitoring.metrics import Point
from activities.monitoring.onset import onset

START = datetime(2026, 1, 1, tzinfo=UTC)
THRESHOLD = 0.05
DIP = timedelta(minutes=5)


def points(shape: str) -> list[Point]:
    """One a minute: `.` is under the threshold, `#` above, and a blank is no traffic."""
    return [
        Point(at=START + n * timedelta(minutes=1), value=0.5 if one == "#" else 0.0)
        for n, one in enumerate(shape)
        if one != " "
    ]


@pytest.mark.parametrize(
    ("shape", "since", "good_until"),
    [
        ("....####", 4, 3),
        ("........", None, None),
        ("", None, None),
        ("########", 0, None),
        ("..###.##", 2, 1),
        ("..##.......##", 11, 10),
        ("..##....", 2, 1),
        ("..##   ##", 2, 1),
        ("..##        ##", 12, None),
        (".      ##", 7, 0),
    ],
    ids=[
        "it rises once",
        "it never rose",
        "no points",
        "older than the points",
        "a short dip is no end",
        "a long one is",
        "it fell just now",
        "a short gap is no end",
        "after a long gap it may be older",
        "a deployment leaves a gap",
    ],
)
def test_since_when(shape: str, since: int | None, good_until: int | None) -> None:
    expected = tuple(
        None if minute is None else START + minute * timedelta(minutes=1) for minute in (since, good_until)
    )
    assert onset(points(shape), THRESHOLD, DIP) == expected
