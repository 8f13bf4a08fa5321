"""The review on a real disk: its name, its two forms, and that it is written once a run."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from temporalio.testing import ActivityEnvironment

from activities.review.charts import svg
from activities.review.html_page import html_page
from activities.review.probes import chart_of
from activities.review.reviews import ReviewActivities
from models.evidence.evidence import Probes
from models.incident.report import WriteReport
from models.incident.review import Review
from tests.unit.activities.test_charts import PLATFORMS, REPORT
from tests.unit.activities.test_review_page import BEGAN, GOLDEN, VERIFIED, out_of_memory

NAME = "ServiceDown-backend-20261123T031502Z-1a2b3c4d"


def write(directory: Path, review: Review) -> Path:
    return Path(asyncio.run(ActivityEnvironment().run(ReviewActivities(directory).write_review, review)).path)


def test_a_review_is_kept_as_a_page_and_as_json_beside_it(tmp_path: Path) -> None:
    stored = write(tmp_path / "not" / "yet", out_of_memory())
    assert stored == tmp_path / "not" / "yet" / f"{NAME}.md"
    assert stored.read_text(encoding="utf-8") == GOLDEN.read_text(encoding="utf-8")
    assert Review.model_validate_json(stored.with_suffix(".json").read_text()) == out_of_memory()
    chart, time = stored.with_name(f"{NAME}-samples.svg"), stored.with_name(f"{NAME}-time.svg")
    html = stored.with_suffix(".html")
    assert sorted(stored.parent.iterdir()) == sorted([chart, time, html, stored.with_suffix(".json"), stored])
    assert html.read_text(encoding="utf-8") == html_page(out_of_memory())
    assert f"]({time.name})" in stored.read_text()
    assert f"]({chart.name})" in stored.read_text()
    assert chart.read_text(encoding="utf-8") == svg(chart_of(VERIFIED)), "the same bytes each time"


def test_without_samples_there_is_no_chart(tmp_path: Path) -> None:
    stored = write(tmp_path, out_of_memory().model_copy(update={"probes": Probes()}))
    assert "## Before and after" not in stored.read_text()
    assert list(tmp_path.glob("*-samples.svg")) == []


def test_a_retry_writes_nothing_and_leaves_ticked_boxes_ticked(tmp_path: Path) -> None:
    stored = write(tmp_path, out_of_memory())
    ticked = stored.read_text().replace("- [ ] Add test case", "- [x] Add test case")
    stored.write_text(ticked)
    assert write(tmp_path, out_of_memory()) == stored
    assert stored.read_text() == ticked


def test_a_write_that_was_cut_off_is_made_good(tmp_path: Path) -> None:
    stored = write(tmp_path, out_of_memory())
    stored.with_suffix(".json").unlink()
    stored.write_text("# half of")
    write(tmp_path, out_of_memory())
    assert stored.read_text() == GOLDEN.read_text()


def test_another_run_of_the_same_incident_has_a_file_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, out_of_memory())
    write(tmp_path, out_of_memory().model_copy(update={"run_id": "99999999-0000"}))
    assert len(list(tmp_path.glob("*.md"))) == 2


def test_the_name_is_in_utc_wherever_the_time_came_from(tmp_path: Path) -> None:
    elsewhere = BEGAN.astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert write(tmp_path, out_of_memory().model_copy(update={"began_at": elsewhere})).stem == NAME


@pytest.mark.parametrize("incident", ["../../etc/cron.d/x", "/etc/passwd", "..", "a/\x00b", "x" * 900, ""])
def test_no_incident_writes_outside_of_the_directory(tmp_path: Path, incident: str) -> None:
    stored = write(tmp_path / "reviews", out_of_memory().model_copy(update={"incident": incident}))
    assert stored.parent == tmp_path / "reviews"
    assert [path.name for path in tmp_path.iterdir()] == ["reviews"]
    assert json.loads(stored.with_suffix(".json").read_text())["incident"] == incident


def test_a_directory_that_cannot_be_written_to_is_an_error_that_may_pass(tmp_path: Path) -> None:
    (tmp_path / "reviews").write_text("a file in the way")
    with pytest.raises(FileExistsError):
        write(tmp_path / "reviews", out_of_memory())


def test_a_report_is_kept_before_the_review_and_is_a_section_of_it(tmp_path: Path) -> None:
    review = out_of_memory().model_copy(update={"report": REPORT})
    request = WriteReport(
        incident=review.incident, run_id=review.run_id, began_at=review.began_at, report=REPORT
    )
    written = ActivityEnvironment().run(ReviewActivities(tmp_path).write_report, request)
    kept = Path(written.path)
    assert kept.name == f"{NAME}-report.md"
    kept.write_text(kept.read_text().replace("- [ ]", "- [x]"))
    ActivityEnvironment().run(ReviewActivities(tmp_path).write_report, request)
    assert "- [x]" in kept.read_text(), "ticked boxes stay ticked"
    stored = write(tmp_path, review)
    chart = tmp_path / f"{NAME}-platforms.svg"
    assert chart.read_text(encoding="utf-8") == svg(PLATFORMS)
    assert f"]({chart.name})" in stored.read_text()
    assert "## Report" in stored.read_text()
