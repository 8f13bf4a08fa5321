"""What Prometheus says of its retention, and what is made of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.retention.retention import Server, judged
from activities.retention.settings import Retention, retention_in
from models.base import in_days
from models.checks.item import ItemState

DAY = timedelta(days=1)
WANTED = 15 * DAY


@pytest.mark.parametrize(
    ("text", "retention"),
    [
        ("15d", Retention(15 * DAY)),
        ("2w", Retention(14 * DAY)),
        ("1y", Retention(365 * DAY)),
        ("1d12h", Retention(1.5 * DAY)),
        ("15d or 10GiB", Retention(15 * DAY, 10 * 2**30)),
        ("512MB", Retention(None, 512 * 2**20)),
        ("1.5TiB", Retention(None, int(1.5 * 2**40))),
        ("0s", Retention(15 * DAY)),
        ("", None),
        ("for ever", None),
        ("15", None),
    ],
)
def test_reading(text: str, retention: Retention | None) -> None:
    assert retention_in(text) == retention


def test_a_time_beyond_any_calendar_is_read() -> None:
    read = retention_in("9999999999y")
    assert read is not None
    assert read.time is not None
    assert read.time > 1000 * 365 * DAY


def test_saying() -> None:
    assert str(Retention(15 * DAY, 10 * 2**30)) == "15 days or 10 GiB"
    assert str(Retention()) == "without an end"
    assert (in_days(timedelta(hours=30)), in_days(2.5 * DAY)) == ("30 h", "2.5 days")


@pytest.mark.parametrize(
    ("retention", "runs", "back", "state", "says"),
    [
        (Retention(15 * DAY), 100 * DAY, 15 * DAY, ItemState.OK, "go back 15 days or more"),
        (Retention(15 * DAY), 100 * DAY, 14.9 * DAY, ItemState.OK, "or more"),
        (Retention(7 * DAY), 100 * DAY, 7 * DAY, ItemState.BAD, "--storage.tsdb.retention.time=15d"),
        (Retention(30 * DAY), 100 * DAY, 6 * DAY, ItemState.BAD, "lost blocks"),
        (Retention(30 * DAY, 2**30), 100 * DAY, 6 * DAY, ItemState.BAD, "reached after 6 days"),
        (Retention(30 * DAY), 6 * DAY, 6 * DAY, ItemState.OK, "its volume is not kept"),
        (Retention(30 * DAY), DAY, 6 * DAY, ItemState.OK, "started 24 h ago"),
        (Retention(30 * DAY), 6 * DAY, DAY, ItemState.BAD, "lost blocks"),
        (Retention(30 * DAY), 6 * DAY, None, ItemState.UNKNOWN, "/targets"),
    ],
)
def test_judging(
    retention: Retention, runs: timedelta, back: timedelta | None, state: ItemState, says: str
) -> None:
    judgement, reason = judged(Server(retention, runs, back, None), WANTED)
    assert (judgement, says in reason) == (state, True), reason
    if back is not None and back > runs + DAY:
        assert "volume" not in reason


@pytest.mark.parametrize(
    ("runs", "back", "oldest", "state"),
    [
        (DAY, DAY, 30 * DAY, ItemState.ATTENTION),
        (DAY, DAY, DAY, ItemState.OK),
        (DAY, 6 * DAY, 30 * DAY, ItemState.OK),
        (100 * DAY, 15 * DAY, 90 * DAY, ItemState.OK),
    ],
)
def test_data_that_begin_with_the_server_although_what_it_watches_is_older(
    runs: timedelta, back: timedelta, oldest: timedelta, state: ItemState
) -> None:
    judgement, reason = judged(Server(Retention(30 * DAY), runs, back, oldest), WANTED)
    assert judgement is state
    assert ("keep its volume" in reason) == (state is ItemState.ATTENTION)
