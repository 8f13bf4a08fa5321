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
    ("shape", "since", "rose"),
    [
        ("....####", 4, True),
        ("........", None, False),
        ("", None, False),
        ("########", 0, False),
        ("..###.##", 2, True),
        ("..##.......##", 11, True),
        ("..##....", 2, True),
        ("..##   ##", 2, True),
        ("..##        ##", 12, False),
        (".      ##", 7, False),
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
        "the last good point is long before",
    ],
)
def test_since_when(shape: str, since: int | None, rose: bool) -> None:
    expected = None if since is None else START + since * timedelta(minutes=1)
    assert onset(points(shape), THRESHOLD, DIP) == (expected, rose)
