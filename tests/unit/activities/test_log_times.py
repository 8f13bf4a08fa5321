"""Which lines of a log are of the latest run, for managers that keep no times of their own; and which run the
journal says (systemd.journal-fields(7))."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from activities.managers.log_times import fresh_lines
from activities.managers.supervisord_reading import started_in
from activities.service.logs import LogMatch, LogsSeen
from activities.systemd.journal import Entry, entries_in, of_run

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = BEGAN + timedelta(seconds=30)


def fresh(*lines: str, began: datetime = BEGAN, written: datetime = LATER) -> int:
    return fresh_lines([line.encode() for line in lines], began, written)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("2026-03-01 11:59:00,123 ERROR old", "2026-03-01 12:00:30,456 INFO new"),
        ("2026-03-01T11:59:00.123Z old", "2026-03-01T12:00:30.456Z new"),
        ("[2026-03-01 11:59:00 UTC] old", "[2026-03-01 12:00:30 UTC] new"),
        ("2026-03-01T13:59:00+02:00 old", "2026-03-01T14:00:30+02:00 new"),
        ("2026-03-01T17:29:00+0530 old", "2026-03-01T17:30:30+0530 new"),
    ],
)
def test_lines_of_the_run_before_are_old(before: str, after: str) -> None:
    assert fresh(before, "  at its stack", after, "  at its stack") == 2


def test_a_time_without_a_zone_is_in_that_of_the_file() -> None:
    """The host is in Kathmandu, and its program writes local time."""
    assert fresh("2026-03-01 17:44:00 old", "2026-03-01 17:45:30 new") == 1


def test_lines_without_a_time_are_all_of_run() -> None:
    assert fresh("Error: EADDRINUSE", "  at listen") == 2
    assert fresh() == 0
    assert fresh("2026-02-31 12:00:00 no such day") == 1


def test_a_run_that_wrote_nothing_yet_has_no_line() -> None:
    assert fresh("2026-03-01 11:00:00 old", written=BEGAN - timedelta(hours=1)) == 0


def test_a_start_is_as_coarse_as_a_log() -> None:
    assert fresh("2026-03-01 11:59:59.9 INFO ended", "2026-03-01 12:00:00 INFO starts") == 1


def test_the_newest_word_of_a_log_counts() -> None:
    matches = {
        "wrong-credentials": LogMatch(count=3, sample="", line=4),
        "database-lost": LogMatch(count=2, sample="", line=9),
        "pool-exhausted": LogMatch(count=1, sample="", line=9),
    }
    seen = LogsSeen(matches=matches)
    assert seen.newest("database-lost", "wrong-credentials", "pool-exhausted") == (
        "database-lost",
        "pool-exhausted",
    )
    assert seen.newest("wrong-credentials", "disk-full") == ("wrong-credentials",)
    assert seen.newest("disk-full") == ()


def test_a_run_may_end_and_another_begin_within_one_second() -> None:
    half = BEGAN + timedelta(seconds=0.5)
    assert fresh("2026-03-01 12:00:00,300 EADDRINUSE", "2026-03-01 12:00:00,700 starts", began=half) == 1
    assert fresh("2026-03-01 12:00:00 it may be of either", "2026-03-01 12:00:30 runs", began=half) == 2


def test_supervisord_tells_the_part_of_the_second_in_its_own_log() -> None:
    log = (
        "2026-03-01 17:44:59,100 INFO spawned: 'web' with pid 7\n"
        "2026-03-01 17:45:07,320 INFO spawned: 'web' with pid 8\n"
        "2026-03-01 17:45:09,999 INFO spawned: 'database' with pid 9\n"
    )
    second = int(BEGAN.timestamp()) + 7
    assert started_in(log, "shop:web", second) == pytest.approx(second + 0.3)
    assert started_in(log, "web", second + 1) == second + 1
    assert started_in("", "web", second) == second


@pytest.mark.parametrize(
    ("fields", "run"),
    [
        ({"_SYSTEMD_INVOCATION_ID": "a1"}, "a1"),
        ({"_SYSTEMD_INVOCATION_ID": "init", "INVOCATION_ID": "a1"}, "a1"),
        ({"_SYSTEMD_INVOCATION_ID": "user@0", "USER_INVOCATION_ID": "a1"}, "a1"),
        ({"INVOCATION_ID": None}, ""),
        ({}, ""),
    ],
)
def test_what_systemd_writes_of_a_unit_is_of_the_units_run(fields: dict[str, str], run: str) -> None:
    told = {"__REALTIME_TIMESTAMP": "1", "MESSAGE": "hello", **fields}
    (entry,) = entries_in(json.dumps(told))
    assert entry.run == run


def test_what_a_run_wrote_before_systemd_took_its_time_is_of_that_run() -> None:
    before = BEGAN - timedelta(milliseconds=5)
    wrote = tuple(
        Entry(before, text, run=run) for text, run in ((b"old", "a0"), (b"at once", "a1"), (b"?", ""))
    )
    assert of_run(wrote, BEGAN, "a1") == 1
    assert of_run((*wrote, Entry(LATER, b"later")), BEGAN, "a1") == 2
    assert of_run(wrote, BEGAN, "") == 0, "a unit of an older systemd has no ID"
    assert of_run(wrote, None, "") == 3, "nothing is known of its start"
