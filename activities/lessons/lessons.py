"""What the kept reviews of a month teach: causes that nobody found, and a digest for the team."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio import activity

from activities.lessons.digest import digest
from activities.lessons.kept import kept_reviews
from activities.lessons.rows import CauseRows
from activities.lessons.unknown_causes import unknown_causes
from activities.support.heartbeats import beating_in_thread
from models.base import Model
from models.checks.item import ItemResult

LOOKED_BACK = timedelta(days=365)
"""What nobody saw for so long is new again."""


class Lessons(Model):
    """Of so much of the past."""

    over: timedelta

    @property
    def in_words(self) -> str:
        return f"the last {self.over.days} days"


class LessonActivities:
    """Reads the directory of the reviews. `rows` are the causes tables of the runbooks."""

    def __init__(self, directory: Path, rows: CauseRows) -> None:
        self._directory = directory
        self._rows = rows

    @activity.defn
    def list_unknown_causes(self, request: Lessons) -> ItemResult:
        """Grouped, with the evidence that would have told each. Never raises for what is in the files."""
        now = datetime.now(UTC)
        with beating_in_thread():
            kept = kept_reviews(self._directory, now - request.over, now)
            return unknown_causes(kept, self._rows, request.in_words)

    @activity.defn
    def write_training_digest(self, request: Lessons) -> ItemResult:
        """What was new, escalated, slow, denied or in vain. Never raises for what is in the files."""
        now = datetime.now(UTC)
        since = now - request.over
        with beating_in_thread():
            month = kept_reviews(self._directory, since, now)
            before = kept_reviews(self._directory, since - LOOKED_BACK, since - timedelta(seconds=1))
            return digest(month, before, request.in_words)
