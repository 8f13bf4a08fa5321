"""The reports of checks on a real disk: written whole, once a run, compared with the last, bounded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.checks.reports import CheckReportActivities
from models.checks.check import CheckReport, StoredReport
from models.checks.item import Figure, Item, ItemResult, ItemState
from models.configuration.configuration import Configuration
from tests.parts.product.check_reports import ITEMS, check_report, next_day

Write = Callable[[CheckReport], StoredReport]
NAME = "20261126T080000000Z-1a2b3c4d"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    reviews = str(tmp_path / "var" / "reviews")
    configuration = Configuration.of({"directories": {"reviews": reviews}, "checks": {"keep": 3}}, ())
    activities = CheckReportActivities(lambda: configuration)
    return lambda report: ActivityEnvironment().run(activities.write_check_report, report)


def names(stored: StoredReport) -> list[str]:
    return sorted(one.name for one in Path(stored.page).parent.iterdir())


def written_at(stored: StoredReport) -> dict[str, int]:
    return {one.name: one.stat().st_mtime_ns for one in Path(stored.page).parent.iterdir()}


def test_it_is_kept_beside_the_reviews_in_three_forms(tmp_path: Path, write: Write) -> None:
    stored = write(check_report())
    assert Path(stored.page) == tmp_path / "var" / "checks" / "daily" / f"{NAME}.html"
    assert names(stored) == [f"{NAME}.html", f"{NAME}.json", f"{NAME}.md"]
    kept = json.loads(Path(stored.data).read_text())
    assert CheckReport.model_validate(kept["report"]) == check_report()
    assert stored.changes == ()


def test_a_retry_writes_nothing_and_says_the_same(write: Write) -> None:
    write(check_report())
    worse = next_day(check_report(*ITEMS[1:]))
    first = write(worse)
    before = written_at(first)
    assert write(worse) == first
    assert first.changes == ("health of backend is not part of this check any more; it was ok",)
    assert written_at(first) == before


@pytest.mark.parametrize("lost", [".html", ".json", ".md"])
def test_a_write_that_was_cut_off_is_made_good(write: Write, lost: str) -> None:
    stored = write(check_report())
    whole = Path(stored.page).read_bytes()
    Path(stored.page).with_suffix(lost).unlink()
    assert write(check_report()) == stored
    assert names(stored) == [f"{NAME}.html", f"{NAME}.json", f"{NAME}.md"]
    assert Path(stored.page).read_bytes() == whole


def test_what_turned_worse_or_better_is_new_gone_or_moved(write: Write) -> None:
    def item(name: str, state: ItemState, value: float | None = None) -> Item:
        figures = () if value is None else (Figure(name="size", value=value, unit=" GiB"),)
        return Item(name=name, found=ItemResult(state=state, reason="…", figures=figures))

    ok, bad, unknown = ItemState.OK, ItemState.BAD, ItemState.UNKNOWN
    write(check_report(item("a", ok), item("b", bad), item("c", ok), item("d", ok, 2), item("e", ok, 100)))
    now = (item("a", bad), item("b", unknown), item("n", bad), item("d", ok, 3.5), item("e", ok, 101))
    assert write(next_day(check_report(*now))).changes == (
        "a was ok and is bad",
        "b was bad and is unknown",
        "n is new: bad",
        "c is not part of this check any more; it was ok",
        "size of d was 2 GiB and is 3.50 GiB",
    )


def test_what_cannot_be_seen_any_more_is_one_change(write: Write) -> None:
    figures = (Figure(name="p95", value=0.2, unit=" s"),)
    write(check_report(Item(name="a", found=ItemResult(state=ItemState.OK, reason="…", figures=figures))))
    figures = (Figure(name="p95", value=None, unit=" s"),)
    now = check_report(Item(name="a", found=ItemResult(reason="away", figures=figures)))
    assert write(next_day(now)).changes == ("a was ok and is unknown",)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"report": {"items": 3}}', "[" * 100_000, "\x00"])
def test_a_broken_last_report_is_passed_over_for_the_one_before(write: Write, content: str) -> None:
    write(check_report())
    broken = write(next_day(check_report()))
    Path(broken.data).write_text(content)
    stored = write(next_day(check_report(*ITEMS[1:]), days=2))
    assert stored.changes == ("health of backend is not part of this check any more; it was ok",)
    assert f"Compared with {NAME}" in Path(stored.markdown).read_text().replace("\\", "")


def test_an_older_report_with_fewer_fields_is_compared(write: Write) -> None:
    stored = write(check_report())
    old = {
        "report": {"began_at": "2026-11-26T08:00:00Z", "items": [{"name": "cost", "found": {"state": "bad"}}]}
    }
    Path(stored.data).write_text(json.dumps(old))
    assert "cost was bad and is attention" in write(next_day(check_report())).changes


def test_two_runs_of_the_same_second_are_two_reports(write: Write) -> None:
    first = write(check_report(run_id="019ac1b2-0000-7000-8000-00001a2b3c4d"))
    later = check_report().began_at.replace(microsecond=250_000)
    run_id = "019ac1b2-0000-7000-8000-00000a2b3c4d"
    second = write(check_report(*ITEMS[1:], run_id=run_id, began_at=later))
    assert second.page != first.page
    assert second.changes == ("health of backend is not part of this check any more; it was ok",)


def test_another_check_is_not_compared_with(write: Write) -> None:
    write(check_report())
    assert write(next_day(check_report(name="weekly"))).changes == ()


def test_so_many_are_kept_and_nothing_else_is_removed(write: Write) -> None:
    first = write(check_report())
    mine = Path(first.page).parent / "notes.md"
    mine.write_text("mine")
    for days in range(1, 6):
        last = write(next_day(check_report(), days))
    assert len(names(last)) == 3 * 3 + 1
    assert mine.read_text() == "mine"
    assert not Path(first.page).exists()
    assert Path(last.page).exists()


def test_a_late_report_is_not_removed_by_its_own_writing(write: Write) -> None:
    for days in range(1, 6):
        write(next_day(check_report(), days))
    assert Path(write(check_report()).page).exists()


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path, write: Write) -> None:
    (tmp_path / "var").write_text("a file in the way")
    with pytest.raises(OSError, match="var"):
        write(check_report())
