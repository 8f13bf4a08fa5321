"""Why this cause: what was measured, what was inferred of it, and what would have contradicted it."""

from __future__ import annotations

from collections.abc import Iterator

from activities.review.facts.in_the_end import last_proof
from activities.review.facts.logged_error import in_its_log
from activities.review.facts.readings import Readings
from activities.review.facts.sentences import Sentences
from activities.review.facts.this_time import this_time
from models.incident.review import Review
from models.text import for_markdown as said

UNKNOWN = "unknown"


def why_section(review: Review, words: Sentences) -> str:
    """A paragraph for each thing that is known of it."""
    if not review.cause:
        return "No cause was looked for: what was found is above."
    known = _unknown() if review.cause == UNKNOWN else _known(review, words)
    return "\n\n".join((*known, *_beside(review, words)))


def inferred(review: Review) -> str:
    """The cause in a sentence that says how sure it is; empty where none is known."""
    if review.cause in ("", UNKNOWN):
        return ""
    more = f" ({this})" if (this := this_time(review)) else ""
    names = ", ".join(Readings(review).pointed)
    of = f"inferred from {names}" if names else "inferred by the runbook"
    return f"{review.cause}{more}, {of}"


def _unknown() -> Iterator[str]:
    yield "The cause is **unknown**: no row of the runbook's table matched what was found."


def _known(review: Review, words: Sentences) -> Iterator[str]:
    readings = Readings(review)
    more = f": {said(words.sentence(beside, named=True))}" if (beside := this_time(review)) else "."
    yield f"The cause is **{said(review.cause)}**{more}"
    if review.why_cause:
        yield f"The runbook names it when: {said(words.sentence(review.why_cause, named=True))}"
    if review.pointing:
        yield f"What points to it: {said(words.sentence(review.pointing, named=True))}"
    for title, bad in readings.wrong_beside().items():
        yield f"{title}: {said(words.sentence(bad, named=True))}"
    if since := ", ".join(readings.wrong_since()):
        yield f"Only the later reading is kept of: {said(since)}."
    yield from map(said, _how_sure(review, readings, words))


def _how_sure(review: Review, readings: Readings, words: Sentences) -> Iterator[str]:
    """Which of that is measured, what is only inferred, and what would have spoken against it."""
    if readings.pointed:
        yield (
            f"Measured and inferred: {', '.join(readings.pointed)}, and what the alert tells of, are "
            "measured, each by itself. "
            f"That {review.cause} is why the alert fired is inferred from that by the runbook's rule above, "
            "and was not measured itself."
        )
    if review.not_if is not None:
        against = review.not_if or "nothing that this row of the runbook names"
        seen = "; nothing of that was seen" if review.not_if else ""
        yield words.sentence(f"what would contradict it: {against}{seen}", named=False)
    if (proof := last_proof(review)) and (done := _done(review)):
        yield (
            f"Afterwards: once “{done}” was done, this was seen: {words.of(proof)} That agrees with this "
            "cause, and does not prove it, for other troubles may end by the same."
        )


def _done(review: Review) -> str:
    plans = [one.plan.says for one in review.performed if one.done and not one.dry_run]
    return plans[-1] if plans else ""


def _beside(review: Review, words: Sentences) -> Iterator[str]:
    if error := in_its_log(review, words):
        yield said(error)
    if review.also_seen:
        yield (
            f"The evidence speaks for this as well: {', '.join(map(said, review.also_seen))}. "
            "Of the rows that match, the runbook takes the first of its table."
        )
    if review.ruled_out:
        yield f"Ruled out: {'; '.join(map(said, review.ruled_out))}."
