"""A pattern of the configuration that takes for ever does not hold the worker."""

from __future__ import annotations

from datetime import timedelta

from activities.service.matching import Place, searched
from models.service.service import LogScan

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
