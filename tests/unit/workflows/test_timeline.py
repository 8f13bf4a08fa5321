"""The record of one incident stays small enough for one payload of Temporal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from models.incident.incident import Phase, Spoken
from models.incident.review import Doing
from models.people.said import Word
from workflows.record.timeline import FULL, LONGEST, LONGEST_NAME, MOST_ENTRIES, MOST_PHASES, ROOM, Timeline

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


def test_what_passes_at_once_is_left_out_and_a_wait_ends_in_the_phase_it_began_in() -> None:
    clock = [NOW]
    timeline = Timeline(lambda: clock[-1])

    def at_once() -> None:
        timeline.enters(Phase.ACTING)
        timeline.enters(Phase.DIAGNOSING)

    happens: tuple[Callable[[], None], ...] = (
        lambda: timeline.enters(Phase.DIAGNOSING),
        lambda: timeline.waits(Doing.WATCHING),
        timeline.goes_on,
        at_once,
        lambda: timeline.enters(Phase.CLOSED),
    )
    for minute, does in enumerate(happens, 1):
        clock.append(NOW + timedelta(minutes=minute))
        does()
    assert [one.doing for one in timeline.phases] == [
        Doing.CHECKING,
        Doing.DIAGNOSING,
        Doing.WATCHING,
        Doing.DIAGNOSING,
        Doing.ENDED,
    ]


def test_after_too_many_changes_only_the_end_is_kept() -> None:
    clock = [NOW]
    timeline = Timeline(lambda: clock[-1])
    for minute in range(1, 2 * MOST_PHASES):
        clock.append(NOW + timedelta(minutes=minute))
        timeline.enters(Phase.ACTING if minute % 2 else Phase.TRIAGE)
    clock.append(NOW + timedelta(days=9))
    timeline.enters(Phase.CLOSED)
    assert len(timeline.phases) == MOST_PHASES + 2
    assert [one.doing for one in timeline.phases[-2:]] == [Doing.UNKNOWN, Doing.ENDED]


def test_of_an_incident_that_an_earlier_version_began_no_phases_are_kept() -> None:
    timeline = Timeline(lambda: NOW)
    timeline.resume((), (), Phase.DIAGNOSING)
    timeline.enters(Phase.ACTING)
    assert timeline.phases == ()
