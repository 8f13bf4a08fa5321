"""Who closed an incident whose recovery was not proved: by which word, and when."""

from __future__ import annotations

from activities.review.facts.sentences import Sentences, person
from models.incident.incident import Entry, Outcome
from models.incident.review import Review
from models.people.said import Word

_ENDS = {
    Outcome.CANCELLED: {Word.CANCEL: "cancelled"},
    Outcome.CLOSED_BY_HUMAN: {Word.DONE: "closed", Word.ACKNOWLEDGE: "closed"},
}
"""The words by which a person ends it, and what that is called."""


def closed_by(review: Review) -> Entry | None:
    """The last word that counted and that can have ended it; None where that was not kept."""
    words = _ENDS.get(review.outcome, {})
    ends = [
        one
        for one in review.timeline
        if one.of_a_person and one.said and one.said.word in words and not one.said.refused
    ]
    said_done = [one for one in ends if one.said and one.said.word is not Word.ACKNOWLEDGE]
    return next(reversed(said_done or (ends if review.report else [])), None)


def who_closed(review: Review) -> str:
    """The name, without the channel."""
    entry = closed_by(review)
    return entry.by if entry and entry.by else "a person"


def closing_sentence(review: Review, words: Sentences) -> str:
    """`anna (through the intake) closed it at T+2 s (22:05:15); …`; empty where that was not kept."""
    entry = closed_by(review)
    if entry is None or entry.said is None:
        return ""
    did = _ENDS[review.outcome][entry.said.word]
    by = ", by acknowledging the report" if entry.said.word is Word.ACKNOWLEDGE else ""
    return f"{person(entry)} {did} it{by}, at {words.when(entry.at)}; that it was well again was not proved."
