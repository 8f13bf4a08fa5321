"""What people did by hand: the product knows it from their own word that it is done."""

from __future__ import annotations

from models.incident.incident import Entry
from models.incident.review import Review
from models.people.said import Word


def by_hand(review: Review) -> list[Entry]:
    """Each `done` that counted, in the order in which they were said."""
    return [
        one
        for one in review.timeline
        if one.of_a_person and one.said and one.said.word is Word.DONE and not one.said.refused
    ]


def done_what(entry: Entry) -> str:
    """The person's own words."""
    text = entry.said.text if entry.said else ""
    return text or "what was done was not written down"
