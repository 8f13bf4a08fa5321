"""The questions that an incident put to people, and how each was answered, by the timeline of its review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.incident.incident import Through
from models.incident.review import Review

_ASKS = "asks for approval of "
_EXPIRED = "escalated: the approval of plan "


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
        by_product = entry.through is Through.PRODUCT
        if by_product and entry.text.startswith(_ASKS):
            if asked:
                yield Decision(review.incident, *asked, Answer.NONE)
            asked = (entry.at, entry.text.removeprefix(_ASKS))
            continue
        answer = _answer(entry.text, by_product=by_product)
        if asked and answer:
            _, _, words = entry.text.partition(": ") if not by_product else ("", "", "")
            by = "" if by_product else entry.by
            yield Decision(review.incident, *asked, answer, by, entry.at - asked[0], words)
            asked = None
    if asked:
        yield Decision(review.incident, *asked, Answer.NONE)


def _answer(text: str, *, by_product: bool) -> Answer | None:
    if by_product:
        return Answer.EXPIRED if text.startswith(_EXPIRED) else None
    if text.startswith("approve of plan"):
        return Answer.APPROVED
    return Answer.DENIED if text.startswith("deny of plan") else None
