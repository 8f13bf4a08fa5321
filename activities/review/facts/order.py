"""The lines of a timeline in an order that cannot be misread: no verdict before what it follows from.

The clock of a workflow stands while it looks, and the worker's, by which evidence is stamped, goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from models.incident.incident import Entry, EntryKind
from models.incident.review import Review
from models.people.said import Word

MOST = timedelta(seconds=10)
"""A clock that stood for longer is none that stood: it is wrong."""


def in_order(review: Review) -> Review:
    """The same, each verdict not before its evidence, and no line of the runbook before the one above it.

    What a person did stands once: as that person's word, and not as what it led to as well.
    """
    return review.model_copy(update={"timeline": tuple(_once(_stamped(review)))})


def known_by(review: Review) -> datetime | None:
    """Until when what was read was known when the cause was named; None where that was not kept."""
    named = max((one.at for one in review.timeline if one.kind is EntryKind.CAUSE), default=None)
    if named is None or review.known_at is None:
        return None
    return max(named, review.known_at) if review.known_at - named <= MOST else named


def _once(entries: Iterable[Entry]) -> Iterator[Entry]:
    knew: set[str] = set()
    for entry in entries:
        if (
            entry.of_a_person
            and entry.said
            and entry.said.word is Word.ACKNOWLEDGE
            and not entry.said.refused
        ):
            knew.add(f"{entry.by} acknowledged the report")
        if entry.of_a_person or entry.text not in knew:
            yield entry


def _stamped(review: Review) -> Iterator[Entry]:
    latest, known = review.began_at, known_by(review)
    last = max((one.at for one in review.timeline if one.kind is EntryKind.CAUSE), default=None)
    for entry in review.timeline:
        read = None
        if entry.kind is EntryKind.CAUSE and entry.at == last and known:
            acted = (one.started_at for one in review.performed if one.started_at >= entry.at)
            read = min((known, *acted))
        elif entry.kind is EntryKind.CONFIRMED:
            read = _read_at(review, entry, known)
        at = max(entry.at, read or entry.at)
        if latest - at <= MOST and not entry.of_a_person:
            at = max(at, latest)
        latest = max(latest, at)
        yield entry if at == entry.at else entry.model_copy(update={"at": at})


def _read_at(review: Review, confirmed: Entry, known: datetime | None) -> datetime | None:
    """When the evidence was read that confirmed the alert, if it was known when the cause was named."""
    read = (one.at for one in review.evidence if one.reason and confirmed.text.endswith(one.reason))
    return max((at for at in read if at and known and at <= known), default=None)
