"""The review of an incident, also of one long ago: from its file here, or from what Temporal still has."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple

from temporalio.client import Client

from activities.review.file_name import in_a_name
from activities.review.page import page
from activities.support.regular_files import file_at
from models.incident.review import Review
from runtime.connection import PATIENCE
from runtime.errors import NoReview, NoSuchIncident, TemporalAway, in_time
from runtime.incidents import ANSWER_WITHIN, IncidentLine
from runtime.past.runs import PastRun, chosen, runs_of

LARGEST = 32 * 2**20
"""Bytes of a file that are read."""
WRITTEN_BY = "write_review"
"""The activity that is handed the review."""


class Found(NamedTuple):
    """A review as a page, and as JSON."""

    page: str
    data: str


class PastReviews:
    """The reviews that are kept in a directory of this machine, and those of a Temporal."""

    def __init__(self, client: Client, directory: Path | None) -> None:
        self._client = client
        self._directory = directory

    async def of(self, incident: str, which: str = "") -> Found:
        """The review of one firing, by default the newest. Files alone tell where Temporal knows none.

        Raises NoReview where it is open, ended without one, or is gone; NoSuchIncident and TemporalAway.
        """
        runs, away = await self._runs(incident)
        if not runs:
            return self._from_files(incident, which, away)
        run = runs[chosen(which, [one.line.run_id for one in runs], incident)]
        files = self._files(f"{in_a_name(incident)}-*-{run.began_in[-8:]}.md")
        if files:
            return self._read(files[0])
        if run.line.open:
            older = "; --run 2 is the one before" if len(runs) > 1 else ""
            raise NoReview(f"{incident} is open: its review is written when it closes{older}")
        return await self._from_temporal(run)

    async def _runs(self, incident: str) -> tuple[tuple[PastRun, ...], TemporalAway | None]:
        try:
            return await runs_of(self._client, incident), None
        except TemporalAway as error:
            return (), error

    def _from_files(self, incident: str, which: str, away: TemporalAway | None) -> Found:
        """Named by when they began, and by the run."""
        files = self._files(f"{in_a_name(incident)}-????????T??????Z-????????.md")
        if not files and away:
            raise away
        if not files:
            where = f", and {self._directory} has no review of it" if self._directory else ""
            raise NoReview(f"Temporal knows no run of {incident} (any more){where}")
        return self._read(files[chosen(which[-8:], [file.stem[-8:] for file in files], incident)])

    def _files(self, pattern: str) -> list[Path]:
        """The newest first."""
        if self._directory is None:
            return []
        return sorted(self._directory.glob(pattern), key=lambda file: file.stem[-25:], reverse=True)

    def _read(self, markdown: Path) -> Found:
        try:
            return Found(_text(markdown), _text(markdown.with_suffix(".json")))
        except OSError as error:
            raise NoReview(f"{markdown}: {error.strerror}") from error

    async def _from_temporal(self, run: PastRun) -> Found:
        """What the activity that writes it was handed: also of a run that did not end well."""
        line = run.line
        review: Review | None = None
        with contextlib.suppress(NoSuchIncident):  # it is past the retention
            review = await written_review(self._client, line)
        if review is None:
            raise NoReview(
                f"{line.id}, run {line.run_id}, ended without a review ({line.ended or line.phase})"
            )
        return Found(page(review), review.model_dump_json(indent=2))


async def written_review(client: Client, line: IncidentLine) -> Review | None:
    """What the history of a run says that it wrote; None without one. Raises NoSuchIncident, TemporalAway."""
    handle = client.get_workflow_handle(line.id, run_id=line.run_id)
    review: Review | None = None
    async with in_time(5 * ANSWER_WITHIN, line.id):
        async for event in handle.fetch_history_events(rpc_timeout=PATIENCE):
            task = event.activity_task_scheduled_event_attributes
            if task.activity_type.name == WRITTEN_BY:
                (review,) = await client.data_converter.decode(task.input.payloads, [Review])
    return review


def _text(path: Path) -> str:
    with file_at(path) as file:
        return file.read(LARGEST).decode(errors="replace")
