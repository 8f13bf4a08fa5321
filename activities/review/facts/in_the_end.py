"""What a reader must not take for over: what comes back, and what was watched for too short a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from activities.review.facts.open_work import comes_back_after
from activities.review.facts.sentences import Sentences
from models.base import in_words
from models.incident.incident import EntryKind, Outcome
from models.incident.review import Review

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
_CRASHED = re.compile(
    rf"it crashed [0-9]+ times within [^,;]+, (?:the newest )?at ({_CLOCK}(?:, {_CLOCK})*) UTC"
)


def in_the_end(review: Review, words: Sentences) -> Iterator[str]:
    """The last sentences of the summary."""
    proofs = [one.at for one in review.timeline if one.kind is EntryKind.VERIFIED]
    if review.outcome is not Outcome.RESOLVED or not proofs:
        return
    until = words.when(proofs[-1])
    if after := comes_back_after(review):
        yield (
            f"What the alert tells of is over, and its cause, {review.cause}, is not: {after}. "
            f"It was watched until {until}."
        )
    watched, ran = _watched(review, proofs[-1]), _between_crashes(review)
    if watched and ran and watched < ran:
        yield (
            f"It was watched for {in_words(watched)}, until {until}, and up to {in_words(ran)} lay between "
            "its crashes before: look whether it still runs."
        )


def _watched(review: Review, until: datetime) -> timedelta | None:
    """Since the last that was done."""
    done = [one.finished_at for one in review.performed if one.done and not one.dry_run]
    return until - max(done) if done else None


def _between_crashes(review: Review) -> timedelta | None:
    """The longest time between two of them that a plan tells of; None where it does not tell of two."""
    told = (_CRASHED.search(one.plan.why) for one in review.performed if one.done)
    longest: timedelta | None = None
    for found in told:
        at = [datetime.strptime(one, "%H:%M:%S") for one in found[1].split(", ")] if found else []
        gaps = ((then - one) % timedelta(days=1) for one, then in pairwise(at))
        longest = max((*gaps, *([longest] if longest else [])), default=None)
    return longest
