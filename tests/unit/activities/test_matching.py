"""A pattern of the configuration that takes for ever does not hold the worker."""

from __future__ import annotations

from datetime import timedelta

import pytest

from activities.service.matching import Place, searched, told
from models.service.service import LogScan
from tests.parts.host.no_files import no_more_files
from tests.parts.host.no_search import search_killed

NEVER_ENDS = r"(a+)+$"
LINES = ["started", "a" * 60 + "!", "Error: listen EADDRINUSE :::3000", "EADDRINUSE again"]


def test_each_place_of_each_pattern() -> None:
    found = searched({"port": "EADDRINUSE", "none": "nowhere", "start": "^started$"}, LINES)
    assert found.places == {
        "port": [Place(2, 14, 24), Place(3, 0, 10)],
        "none": [],
        "start": [Place(0, 0, 7)],
    }
    assert not found.too_slow


def test_a_pattern_that_never_ends_is_named_and_left() -> None:
    patterns = {"port": "EADDRINUSE", "endless": NEVER_ENDS, "start": "started"}
    found = searched(patterns, LINES, timedelta(seconds=3))
    assert (found.too_slow, list(found.places)) == ("endless", ["port"])


def test_nothing_is_started_without_lines_or_patterns() -> None:
    assert searched({}, LINES).places == searched({"a": "a"}, []).places == {}


def test_the_patterns_that_are_looked_for_anyway_read_the_largest_log_in_time() -> None:
    lines = [f"{number} GET /api/videos 200 {'x' * 400}" for number in range(5_000)]
    assert not searched(LogScan().patterns, lines, timedelta(seconds=60)).too_slow


def test_no_process_can_be_started() -> None:
    with no_more_files():
        found = searched({"port": "EADDRINUSE"}, LINES)
    assert (found.places, found.too_slow) == ({}, "")
    assert found.not_searched == "the process that searches could not be started (Too many open files)"


def test_a_search_that_is_killed_blames_no_pattern() -> None:
    with search_killed():
        found = searched({"endless": NEVER_ENDS}, LINES, timedelta(seconds=60))
    assert (found.places, found.too_slow) == ({}, "")
    assert found.not_searched == "the process that searches ended early (Killed)"


@pytest.mark.parametrize(
    ("written", "code", "searched_for", "too_slow", "says"),
    [
        (b"\n[]\n[]\n", 0, ["a", "b"], "", ""),
        (b"\n[]\n[]\n", None, ["a", "b"], "", ""),
        (b"\n[]\n", None, ["a"], "b", ""),
        (b"\n[]\n[[1, 2", None, ["a"], "", "too little"),
        (b"", None, [], "", "too little"),
        (b"\n[]\n[[1, 2", -9, ["a"], "", "ended early (Killed)"),
        (b"\n[]\n", 1, ["a"], "", "ended early (exit code 1)"),
        (b"", 1, [], "", "ended early (exit code 1)"),
    ],
)
def test_what_is_incomplete_is_told(
    written: bytes, code: int | None, searched_for: list[str], too_slow: str, says: str
) -> None:
    found = told(["a", "b"], written, code)
    assert (list(found.places), found.too_slow) == (searched_for, too_slow)
    assert says in found.not_searched
    assert bool(says) is bool(found.not_searched)
