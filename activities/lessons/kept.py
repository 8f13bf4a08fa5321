"""The reviews that are kept as JSON, newest first, bounded in number and in bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from activities.support.regular_files import file_at
from models.incident.review import Review

MOST_REVIEWS = 5000
LARGEST = 8 * 2**20
"""Bytes of one file."""
_NAME = re.compile(r"-(\d{8}T\d{6}Z)-[A-Za-z0-9_.-]{1,8}\.json$")


@dataclass(frozen=True)
class Kept:
    """The reviews of incidents that began in a time, oldest first."""

    reviews: tuple[Review, ...] = ()
    unreadable: int = 0
    left_out: int = 0
    """There were so many more."""
    reason: str = ""
    """Why there is none, where that is not simply so."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know of what is missing."""
        unread = f"{self.unreadable} kept reviews could not be read" if self.unreadable else ""
        more = f"of more than {MOST_REVIEWS} reviews only the newest were read" if self.left_out else ""
        return tuple(one for one in (unread, more) if one)


def kept_reviews(directory: Path, since: datetime, until: datetime) -> Kept:
    """What its files say; a directory that is not there yet holds no review."""
    try:
        named = sorted(_named(directory, since, until), reverse=True)
    except FileNotFoundError:
        return Kept()
    except OSError as error:
        return Kept(reason=f"the kept reviews cannot be listed: {error.strerror}")
    reviews: list[Review] = []
    unreadable = 0
    for _, path in named[:MOST_REVIEWS]:
        review = _read(path)
        reviews += [review] if review else []
        unreadable += review is None
    left_out = max(0, len(named) - MOST_REVIEWS)
    return Kept(tuple(sorted(reviews, key=lambda one: one.began_at)), unreadable, left_out)


def _read(path: Path) -> Review | None:
    try:
        with file_at(path) as file:
            return Review.model_validate_json(file.read(LARGEST))
    except (OSError, ValidationError):
        return None


def _named(directory: Path, since: datetime, until: datetime) -> Iterator[tuple[str, Path]]:
    """The files of this time, by when their incident began: their names tell."""
    first, last = (f"{one.astimezone(UTC):%Y%m%dT%H%M%SZ}" for one in (since, until))
    for path in directory.iterdir():
        found = _NAME.search(path.name)
        if found and first <= found[1] <= last and not path.name.startswith("check"):
            yield found[1], path
