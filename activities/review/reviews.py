"""Stores the post-incident review: as Markdown for people, and as JSON beside it."""

from __future__ import annotations

import re
from datetime import UTC
from pathlib import Path

from temporalio import activity

from activities.review.page import page
from activities.support.whole_files import write_whole
from models.incident.review import Review, StoredReview

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_PART = 120


class ReviewActivities:
    """The directory of the reviews; created with the first one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @activity.defn
    def write_review(self, review: Review) -> StoredReview:
        """Write the review once a run. Raises `OSError` while the directory cannot be written to.

        A retry does not overwrite the file, so that boxes ticked meanwhile stay ticked.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        markdown = self._directory / f"{file_name(review)}.md"
        data = self._directory / f"{file_name(review)}.json"
        content = review.model_dump_json(indent=2) + "\n"
        if not (markdown.exists() and _holds(data, content)):
            write_whole(markdown, page(review))
            write_whole(data, content)  # written last: marks the page as complete
        return StoredReview(path=str(markdown))


def file_name(review: Review) -> str:
    """`ServiceDown-backend-20261123T031502Z-1a2b3c4d`: what, when it began, and which run."""
    began = f"{review.began_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return f"{_part(review.incident)}-{began}-{_part(review.run_id[:8])}"


def _part(text: str) -> str:
    """Safe in a path: no separators, no leading dot, bounded."""
    return _NOT_IN_A_NAME.sub("-", text).strip(".-")[:_LONGEST_PART] or "unnamed"


def _holds(path: Path, content: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8", errors="replace") == content
