"""The questions that an incident put to people, and how each was answered, by the timeline of its review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.incident.incident import Entry, EntryKind, Through
from models.incident.review import Review
from models.people.said import Word

_ASKS = "asks for approval of "
_EXPIRED = "escalated: the approval of plan "
"""How the lines of a record begin that has no typed form of its questions and answers."""


class Answer(StrEnum):
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    NONE = "not answered"
    """The incident went on without an answer: it was over, a person went on, or another incident came."""


@dataclass(frozen=True)
class Decision:
    """One question: what was asked, and who answered after how long."""

    incident: str
    asked_at: datetime
    what: str
    answer: Answer
    by: str = ""
    after: timedelta | None = None
    words: str = ""
    """What the person said with it."""


def decisions(review: Review) -> Iterator[Decision]:
    """Each question in the order of the timeline; of a short review, too."""
    asked: tuple[datetime, str] | None = None
    for entry in review.timeline:
        if what := _question(entry):
            if asked:
                yield Decision(review.incident, *asked, Answer.NONE)
            asked = (entry.at, what)
            continue
        answer = _answer(entry)
        if asked and answer:
            by = "" if answer is Answer.EXPIRED else entry.by
            yield Decision(review.incident, *asked, answer, by, entry.at - asked[0], _words(entry))
            asked = None
    if asked:
        yield Decision(review.incident, *asked, Answer.NONE)


def _question(entry: Entry) -> str:
    """What a line asks to approve; empty where it asks nothing."""
    if entry.asked:
        return "; or ".join(f"plan {digest}: {says}" for digest, says in entry.asked.items())
    old = entry.through is Through.PRODUCT and entry.text.startswith(_ASKS)
    return entry.text.removeprefix(_ASKS) if old else ""


def _answer(entry: Entry) -> Answer | None:
    """What a line answers. A record of before says it in its text alone."""
    if entry.kind is EntryKind.EXPIRED:
        return Answer.EXPIRED
    if entry.said and entry.said.decides:
        return Answer.APPROVED if entry.said.word is Word.APPROVE else Answer.DENIED
    if entry.through is Through.PRODUCT:
        return Answer.EXPIRED if entry.text.startswith(_EXPIRED) else None
    if entry.text.startswith("approve of plan"):
        return Answer.APPROVED
    return Answer.DENIED if entry.text.startswith("deny of plan") else None


def _words(entry: Entry) -> str:
    if entry.said:
        return entry.said.text
    return entry.text.partition(": ")[2] if entry.of_a_person else ""
