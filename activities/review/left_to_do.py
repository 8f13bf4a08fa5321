"""What is left after an incident: the open work, and the lists for the team, with answers of the page.

Only what a person must still do is an open box.
"""

from __future__ import annotations

from collections.abc import Iterator

from activities.review.facts.by_hand import by_hand
from activities.review.facts.closing import closed_by, who_closed
from activities.review.facts.in_the_end import still_to_watch
from activities.review.facts.logged_error import before_it, logged_error
from activities.review.facts.open_work import is_mended, open_work, says_why
from activities.review.facts.this_time import older_than_its_alert
from models.base import in_number, in_words
from models.incident.incident import EntryKind, EvidenceLine, Outcome
from models.incident.review import Review
from models.text import for_markdown as said

UNKNOWN = "unknown"
NOT_PROVED = (Outcome.CLOSED_BY_HUMAN, Outcome.CANCELLED)
"""A person ended it, whether it was well or not."""


_HEAD = (
    "Every task for a person is a box under “Open work”, and nowhere else. "
    "The lists below it say what is answered already."
)


class _Task(str):
    """What a person must still do; any other line of a list is an answer."""

    __slots__ = ()


def left_to_do(review: Review) -> str:
    """The boxes, then the answers; the short form leaves out what a whole team does."""
    lists = {title: list(lines) for title, lines in _lists(review).items()}
    boxes = [_box(one) for one in open_boxes(review)]
    parts = [("Open work", boxes or ["Nothing."])]
    parts += [(title, [one for one in lines if not isinstance(one, _Task)]) for title, lines in lists.items()]
    sections = (f"### {title}\n\n" + "\n".join(lines) for title, lines in parts if lines)
    return "\n\n".join((_HEAD, *sections))


def open_boxes(review: Review) -> list[str]:
    """Every task for a person: those of this incident first, then those of the lists."""
    tasks = [one for lines in _lists(review).values() for one in lines if isinstance(one, _Task)]
    return [*map(_capital, own_tasks(review)), *tasks]


def own_tasks(review: Review) -> list[str]:
    """What this incident itself left, beside what a team does after each."""
    return [*open_work(review), *still_to_watch(review)]


def _lists(review: Review) -> dict[str, Iterator[str]]:
    lists = {"Document": _document(review), "Update": _update(review)}
    if not review.short:
        lists |= {"Prevent": _prevent(review), "Share": _share(review)}
    return lists


def _document(review: Review) -> Iterator[str]:
    if _is_known(review):
        open_still = "" if is_mended(review) else ": it is not closed, see the open work"
        yield f"- Root cause analysis: {said(review.cause)}, as above{open_still}."
    else:
        yield _Task("Root cause analysis: no cause was found; what was seen is above")
    yield f"- Timeline of events: above, {len(review.timeline)} lines."
    done = in_number(len(review.performed), "plan") if review.performed else "none"
    steps = in_number(len(by_hand(review)), "step")
    by_people = f", and {steps} by hand" if by_hand(review) else ""
    yield f"- Actions taken: {done}{by_people}, above."
    if review.outcome in NOT_PROVED:
        by, after = said(who_closed(review)), in_words(review.resolved_after)
        yield f"- Resolution time: not known; {by} closed it after {after}."
    else:
        yield f"- Resolution time: {in_words(review.resolved_after)}."
    if (error := logged_error(review)) and not says_why(review):
        before = ", from before the incident" if before_it(review) else ""
        yield _Task(f"Find the reason of the last error in its log{before}: {error.text}")
    for one in review.performed:
        if not (one.done or one.dry_run or one.paused or one.throttled):
            mend = f"Mend what kept “{one.plan.says}” from working"
            yield _Task(f"{f'See whether “{one.plan.says}” was done' if one.lost else mend}: {one.found}")
    by_a_person = review.outcome in NOT_PROVED
    if by_a_person and not any(one.done for one in review.performed):
        yield _Task(f"See that it is well: it was closed by {who_closed(review)}, and no recovery was proved")
    if by_a_person and not said_what_was_done(review):
        closer = closed_by(review)
        who = f"{closer.by}, who closed it," if closer and closer.by else "the person who closed it"
        yield _Task(f"Write down what {who} did: nothing of it was written to the incident")


def _update(review: Review) -> Iterator[str]:
    if _is_known(review):
        yield "- Runbook with new issue: not needed, the runbook knows this cause."
    elif review.cause:
        yield _Task("Runbook with new issue: no row of its table matched the evidence; add this cause")
    else:
        yield _Task("Runbook with new issue: no cause was looked for; decide whether this alert needs a row")
    if review.outcome is Outcome.SELF_RECOVERED:
        yield _Task("Alert thresholds: it was over before anything was done; is the rule too quick?")
    elif older := older_than_its_alert(review).removeprefix("; "):
        yield _Task(f"Alert thresholds: {older}; find out that, and what kept it so for as long")
    elif any(one.finding == "bad" for one in review.evidence):
        unseen = in_number(len(gaps_of(review)), "look")
        so_far = f"; {unseen} told nothing sure" if gaps_of(review) else ""
        yield f"- Alert thresholds: something was wrong when it fired: nothing speaks against them{so_far}."
    else:
        yield _Task("Alert thresholds: nothing that was seen was wrong; is the rule right?")
    gaps = gaps_of(review)
    for gap in gaps:
        yield _Task(f"Close a gap in the monitoring: {gap.name} told nothing sure: {gap.reason}")
    if not gaps:
        looks = in_number(sum(one.applies for one in review.evidence), "look")
        yield f"- Monitoring coverage gaps: none, the last reading of all of {looks} had an answer."
    for entry in review.timeline:
        if entry.kind is EntryKind.NOT_TOLD:
            yield _Task(f"Repair the channel: {entry.text}")


def _prevent(review: Review) -> Iterator[str]:
    yield _Task(f"Add test case for {_what(review)}")
    if gaps_of(review):
        yield "- Improve observability: see the gaps in the monitoring, in the open work."
    elif _only_its_log_told(review):
        yield _Task("Improve observability: only its log told of an error, and no pattern of `logs` knows it")
    else:
        yield "- Improve observability: nothing that was looked for was missing."
    yield _Task(f"Consider redundancy of {review.alert.service}")


def _share(review: Review) -> Iterator[str]:
    yield _Task(f"Team retrospective: hold it, on {_what(review)}")
    if _is_known(review):
        yield "- Update documentation: this page, and the runbook's, which has the cause."
    else:
        yield _Task("Update documentation")
    yield _Task(f"Train team on response to {_what(review)}")


def _what(review: Review) -> str:
    """What the lists of a team are about: the cause, or where none is known the alert."""
    return f"{review.cause if _is_known(review) else review.alert.name} on {review.alert.service}"


def _only_its_log_told(review: Review) -> bool:
    told = logged_error(review) and not before_it(review)
    return bool(told) and not any(one.finding == "bad" for one in review.evidence)


def gaps_of(review: Review) -> list[EvidenceLine]:
    """The looks that told nothing sure."""
    return [one for one in review.evidence if one.finding == UNKNOWN and one.applies]


def _is_known(review: Review) -> bool:
    return review.cause not in ("", UNKNOWN)


def said_what_was_done(review: Review) -> bool:
    """Whether anybody wrote anything to the incident."""
    return any(one.said and one.said.text for one in review.timeline)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _box(text: str) -> str:
    return f"- [ ] {said(text)}"
