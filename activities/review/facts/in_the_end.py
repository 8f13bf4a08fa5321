"""What a reader must not take for over: what comes back, and what was watched for too short a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from activities.review.facts.open_work import comes_back_after
from activities.review.facts.readings import Readings
from activities.review.facts.sentences import Sentences
from activities.review.facts.this_time import CRASHED
from models.base import in_words
from models.incident.incident import Entry, EntryKind, Outcome
from models.incident.review import Review


def last_proof(review: Review) -> Entry | None:
    """By which a resolved incident was proved to be well."""
    proofs = [one for one in review.timeline if one.kind is EntryKind.VERIFIED]
    return proofs[-1] if proofs and review.outcome is Outcome.RESOLVED else None


def in_the_end(review: Review, words: Sentences) -> Iterator[str]:
    """The last sentences of the summary."""
    if (proof := last_proof(review)) is None:
        return
    until = words.when(proof.at)
    if after := comes_back_after(review):
        yield (
            f"Resolved means that what the alert tells of was seen to be over, until {until}. "
            f"Its cause, {review.cause}, is not mended: {after}."
        )
    if (gaps := watched_too_short(review)) and (watched := _watched(review, proof.at)):
        yield (
            f"It was watched for {in_words(watched)}, until {until}, and up to {in_words(gaps)} lay between "
            "its crashes before: that is too short to tell that it is over."
        )


def still_to_watch(review: Review) -> Iterator[str]:
    """What a person must see to: what was bad to the last, and what was watched for too short a time."""
    if review.outcome is Outcome.RESOLVED:
        for look in Readings(review).after:
            if look.finding == "bad":
                yield f"see whether {look.name} becomes ok: it was bad when it was last read: {look.reason}"
    if gaps := watched_too_short(review):
        yield (
            f"see whether it still runs: it was watched for less than the {in_words(gaps)} that lay between "
            "its crashes before"
        )


def watched_too_short(review: Review) -> timedelta | None:
    """The time between its crashes, where it was watched for less; else None."""
    proof, ran = last_proof(review), _between_crashes(review)
    watched = _watched(review, proof.at) if proof else None
    return ran if ran and watched and watched < ran else None


def _watched(review: Review, until: datetime) -> timedelta | None:
    """Since the last that was done."""
    done = [one.finished_at for one in review.performed if one.done and not one.dry_run]
    return until - max(done) if done else None


def _between_crashes(review: Review) -> timedelta | None:
    """The longest time between two of them that a plan tells of; None where it does not tell of two."""
    told = (CRASHED.search(one.plan.why) for one in review.performed if one.done)
    longest: timedelta | None = None
    for found in told:
        at = [datetime.strptime(one, "%H:%M:%S") for one in found[1].split(", ")] if found else []
        gaps = ((then - one) % timedelta(days=1) for one, then in pairwise(at))
        longest = max((*gaps, *([longest] if longest else [])), default=None)
    return longest
