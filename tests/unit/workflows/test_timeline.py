"""The record of one incident stays small enough for one payload of Temporal."""

from __future__ import annotations

from datetime import UTC, datetime

from models.incident.incident import Spoken
from models.people.said import Word
from workflows.record.timeline import FULL, LONGEST, LONGEST_NAME, MOST_ENTRIES, ROOM, Timeline

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


def test_a_full_timeline_says_that_it_is_full() -> None:
    timeline = Timeline(lambda: NOW)
    for number in range(2 * MOST_ENTRIES):
        timeline.add(f"entry {number}")
    assert len(timeline.entries) == MOST_ENTRIES
    assert timeline.entries[-2].text == f"entry {MOST_ENTRIES - 2}"
    assert timeline.entries[-1].text == FULL


def test_every_line_is_bounded() -> None:
    timeline = Timeline(lambda: NOW)
    timeline.spoken(Word.NOTE, Spoken(by="a" * 2_000_000, text="b" * 2_000_000))
    (entry,) = timeline.entries
    assert (len(entry.text), len(entry.by)) == (LONGEST, LONGEST_NAME)


def test_a_timeline_is_bounded_in_bytes() -> None:
    timeline = Timeline(lambda: NOW)
    for _ in range(MOST_ENTRIES):
        timeline.spoken(Word.NOTE, Spoken(by="\x00" * LONGEST, text="字" * LONGEST))
    assert sum(len(entry.model_dump_json().encode()) for entry in timeline.entries) < ROOM + 2 * LONGEST
    assert timeline.entries[-1].text == FULL


def test_a_reader_is_told_that_it_grew() -> None:
    seen: list[int] = []
    timeline = Timeline(lambda: NOW, grew=lambda: seen.append(len(timeline.entries)))
    timeline.add("one")
    timeline.add("two")
    assert seen == [1, 2]
