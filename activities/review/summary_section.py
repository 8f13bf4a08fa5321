"""The summary: the incident in a sentence, then the five questions of who was not there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from activities.review.facts.by_hand import by_hand
from activities.review.facts.closing import closing_sentence, who_closed
from activities.review.facts.done_section import by_whom
from activities.review.facts.in_the_end import in_the_end, last_proof
from activities.review.facts.logged_error import before_it, in_its_log
from activities.review.facts.sentences import Sentences
from activities.review.facts.this_time import older_than_its_alert, this_time
from activities.review.facts.why_section import inferred
from activities.review.left_to_do import (
    NOT_PROVED,
    gaps_of,
    open_boxes,
    own_tasks,
    said_what_was_done,
)
from models.base import in_number, in_words
from models.incident.incident import EntryKind
from models.incident.review import Review
from models.text import for_markdown as said


def summary_section(review: Review, words: Sentences) -> str:
    """With what people did by hand, of which the product knows only by their word."""
    steps = by_hand(review)
    text = review.summary
    if steps:
        text = text.replace("nothing was changed", "the runbook changed nothing")
    if this := this_time(review):
        named = f", cause {review.cause}"
        text = text.replace(f"{named};", f"{named} ({this});", 1)
    by_people = (*(f"By hand: {words.of(one)}" for one in steps), closing_sentence(review, words))
    by_people = (*by_people, *in_the_end(review, words))
    sentence = " ".join((said(text) or "Nothing.", *(said(one) for one in by_people if one)))
    return f"{sentence}\n\n" + "\n".join(_answers(review, words))


def _answers(review: Review, words: Sentences) -> Iterator[str]:
    yield f"- **What happened:** {said(_happened(review))}"
    if review.hurts:
        yield (
            f"- **Whom it hurts:** {said(words.sentence(review.hurts))} So says the runbook; how "
            "much it was, as far as it was measured, stands above."
        )
    why = inferred(review) or "not known"
    error = "" if before_it(review) else in_its_log(review, words)
    logged = f" {said(words.sentence(error))}" if error else ""
    late = (
        " Why it had lasted for so long when it was told is not known."
        if older_than_its_alert(review)
        else ""
    )
    yield f"- **Why:** {said(words.sentence(why))}{logged}{late}{_not_ruled_out(review)}"
    yield f"- **What was done, and by whom:** {'; '.join(_done(review)) or said(_nothing(review))}."
    boxes = len(open_boxes(review))
    left = f"{in_number(boxes, 'task')}, each a box under “Open work”" if boxes else "nothing"
    own = "; ".join(own_tasks(review))
    yield f"- **What is left:** {left}{f'. What this incident itself left: {said(own)}' if own else ''}."


def _happened(review: Review) -> str:
    began = review.began_at.astimezone(UTC)
    confirmed = (one for one in review.timeline if one.kind is EntryKind.CONFIRMED)
    what = next((one.text.removeprefix(one.kind.start) for one in confirmed), "")
    true = f": {what}" if what else ""
    ended = review.began_at + review.resolved_after
    if review.outcome in NOT_PROVED:
        until = f"{who_closed(review)} closed it, and whether it was well by then is not known"
    else:
        proof = last_proof(review)
        by = f": {proof.text.removeprefix(proof.kind.start)}" if proof else ""
        until = f"it was well again{by}"
    took = in_words(review.resolved_after)
    older = older_than_its_alert(review) or ", and what it tells of may have begun before"
    at = f"{ended.astimezone(UTC):%H:%M:%S} UTC, after {took}"
    return (
        f"{review.alert.name} on {review.alert.service}{true}. The alert began at "
        f"{began:%Y-%m-%d %H:%M:%S} UTC{older}; at {at}, {until}."
    )


def _not_ruled_out(review: Review) -> str:
    """The looks without an answer: another trouble may hide behind them."""
    names = ", ".join(one.name for one in gaps_of(review))
    return (
        f" Nothing sure came from {said(names)}: a cause that would show there is not ruled out."
        if names
        else ""
    )


def _nothing(review: Review) -> str:
    """Of whom it is known that they changed nothing."""
    if review.outcome not in NOT_PROVED:
        return "nothing was changed"
    wrote = "" if said_what_was_done(review) else ", and wrote nothing of what was done by hand"
    return f"the runbook changed nothing; {who_closed(review)} closed it{wrote}"


def _done(review: Review) -> Iterator[str]:
    for one in review.performed:
        if not one.dry_run:
            how = by_whom(one.approved_by, one.plan.proposed_by) if one.done else "which was not done"
            if one.lost:
                how = "of which is not known whether it was done"
            yield f"{said(one.plan.says)}, {how}"
    for entry in by_hand(review):
        yield said(f"by hand, {entry.by or 'somebody'}")
