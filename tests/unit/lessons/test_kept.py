"""The reviews of a time, from a real directory."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from temporalio.testing import ActivityEnvironment

from activities.lessons.kept import kept_reviews
from activities.lessons.lessons import LessonActivities, Lessons
from activities.review.reviews import ReviewActivities
from models.checks.item import ItemState
from tests.unit.lessons.kept import NOW, review

MONTH = timedelta(days=30)


def write(directory: Path, *ago: int) -> None:
    for days in ago:
        ReviewActivities(directory).keep(review("unknown", timedelta(days=days)))


def test_those_of_the_time_the_oldest_first(tmp_path: Path) -> None:
    write(tmp_path, 2, 40, 20)
    kept = kept_reviews(tmp_path, NOW - MONTH, NOW)
    assert [(NOW - one.began_at).days for one in kept.reviews] == [20, 2]


def test_what_is_no_review_is_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, 2)
    stamp = f"{NOW - timedelta(days=1):%Y%m%dT%H%M%SZ}"
    (tmp_path / f"ServiceDown-backend-{stamp}-12345678.json").write_text('{"cut off')
    (tmp_path / f"check-daily-{stamp}-12345678.json").write_text("{}")
    (tmp_path / "notes.json").write_text("{}")
    (tmp_path / f"ServiceDown-web-{stamp}-12345678.json").mkdir()
    kept = kept_reviews(tmp_path, NOW - MONTH, NOW)
    assert (len(kept.reviews), kept.unreadable) == (1, 2)
    assert kept.remarks == ("2 kept reviews could not be read",)


def test_a_directory_that_is_not_there_yet_holds_none(tmp_path: Path) -> None:
    assert kept_reviews(tmp_path / "none", NOW - MONTH, NOW).reviews == ()


def test_what_is_no_directory_is_unknown_for_both_lessons(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    activities = LessonActivities(tmp_path / "file", {})
    request = Lessons(over=MONTH)
    run = ActivityEnvironment().run
    for what in (activities.list_unknown_causes, activities.write_training_digest):
        found = run(what, request)
        assert (found.state, "cannot be listed" in found.reason) == (ItemState.UNKNOWN, True)


def test_both_lessons_are_drawn_from_what_is_kept(tmp_path: Path) -> None:
    write(tmp_path, 2, 3)
    activities = LessonActivities(tmp_path, {})
    run, request = ActivityEnvironment().run, Lessons(over=MONTH)
    assert run(activities.list_unknown_causes, request).reason.startswith("2 of 2 incidents")
    assert run(activities.write_training_digest, request).reason.startswith("2 incidents")
