"""Stores the post-incident review: as Markdown for people, and as JSON beside it."""

from __future__ import annotations

from pathlib import Path

from temporalio import activity

from activities.review.charts import svg
from activities.review.file_name import file_name
from activities.review.page import page
from activities.review.report_page import chart_file, report_page
from activities.support.counts import count_incident
from activities.support.regular_files import file_at, private_directory
from activities.support.whole_files import write_whole
from models.incident.report import Report, WriteReport
from models.incident.review import Review, StoredReview


class ReviewActivities:
    """The directory of the reviews; created with the first one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @activity.defn
    def write_review(self, review: Review) -> StoredReview:
        """Write the review once a run. Raises `OSError` while the directory cannot be written to.

        A retry does not overwrite the file, so that boxes ticked meanwhile stay ticked.
        """
        private_directory(self._directory)
        name = file_name(review)
        markdown = self._directory / f"{name}.md"
        data = self._directory / f"{name}.json"
        content = review.model_dump_json(indent=2) + "\n"
        if not (markdown.exists() and _holds(data, content)):
            if review.report:
                self._draw(review.report, name)
            write_whole(markdown, page(review))
            write_whole(data, content)  # written last: marks the page as complete
            count_incident(review)
        return StoredReview(path=str(markdown))

    @activity.defn
    def write_report(self, request: WriteReport) -> StoredReview:
        """Write a report and its charts, before there is a review. Raises as `write_review` does.

        Written once a run, too: its boxes may be ticked already.
        """
        private_directory(self._directory)
        name = file_name(request)
        markdown = self._directory / f"{name}-report.md"
        if not markdown.exists():
            self._draw(request.report, name)
            write_whole(markdown, report_page(request.report, name))
        return StoredReview(path=str(markdown))

    def _draw(self, report: Report, name: str) -> None:
        for chart in report.charts:
            write_whole(self._directory / chart_file(name, chart), svg(chart))


def _holds(path: Path, content: str) -> bool:
    whole = content.encode()
    try:
        with file_at(path) as file:
            return file.read(len(whole) + 1) == whole
    except FileNotFoundError:
        return False
