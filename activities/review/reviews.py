"""Stores the post-incident review: as Markdown for people, and beside it as one HTML file and as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from temporalio import activity

from activities.review.charts import as_file, svg
from activities.review.file_name import file_name
from activities.review.html_page import html_page
from activities.review.page import page, time_file
from activities.review.phases import WhereTimeWent
from activities.review.probes import chart_of
from activities.review.report_page import chart_file, report_page
from activities.review.time_chart import drawn
from activities.support.counts import count_incident
from activities.support.regular_files import file_at, private_directory
from activities.support.whole_files import write_whole
from models.incident.report import Chart, WriteReport
from models.incident.review import Review, StoredReview


class ReviewActivities:
    """The directory of the reviews; created with the first one."""

    def __init__(self, directory: Path, mark: Callable[[Review], Awaitable[None]] | None = None) -> None:
        """`mark` is told of each review once it is kept, and must not raise."""
        self._directory = directory
        self._mark = mark

    @activity.defn
    async def write_review(self, review: Review) -> StoredReview:
        """Write the review once a run. Raises `OSError` while the directory cannot be written to."""
        stored = await asyncio.to_thread(self.keep, review)
        if self._mark:
            await self._mark(review)
        return stored

    def keep(self, review: Review) -> StoredReview:
        """The same, without telling anybody.

        A retry does not overwrite the file, so that boxes ticked meanwhile stay ticked.
        """
        private_directory(self._directory)
        name = file_name(review)
        markdown = self._directory / f"{name}.md"
        data = self._directory / f"{name}.json"
        content = review.model_dump_json(indent=2) + "\n"
        if not (markdown.exists() and _holds(data, content)):
            self._draw(review.report.charts if review.report else (), name)
            self._draw((chart_of(review.probes),) if review.probes.points else (), name)
            self._draw_time(review)
            write_whole(markdown, page(review))
            write_whole(self._directory / f"{name}.html", html_page(review))
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
            self._draw(request.report.charts, name)
            write_whole(markdown, report_page(request.report, name))
        return StoredReview(path=str(markdown))

    def _draw_time(self, review: Review) -> None:
        if (went := WhereTimeWent(review)).whole:
            write_whole(self._directory / time_file(review), as_file(drawn(review, went, "chart")))

    def _draw(self, charts: Iterable[Chart], name: str) -> None:
        for chart in charts:
            write_whole(self._directory / chart_file(name, chart), svg(chart))


def _holds(path: Path, content: str) -> bool:
    whole = content.encode()
    try:
        with file_at(path) as file:
            return file.read(len(whole) + 1) == whole
    except FileNotFoundError:
        return False
