"""The texts of messages: what a person needs who was asleep, in the order in which it is needed.

A channel with little room cuts the end of a text: what must not be lost stands first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.incident.incident import (
        Option,
        Outcome,
        PendingApproval,
        Performed,
        Phase,
        what_matters_first,
    )
    from models.text import shorten
    from workflows.record.record import Record
    from workflows.record.timeline import who

MOST_FOUND = 8
"""Lines of evidence that is not well; the review has all."""
LONGEST_LINE = 300
LONGEST_WORD = 200
"""Of the alert itself: what is asked stands below it."""


def situation(why: str, record: Record, awaiting: PendingApproval | None, reached: str) -> str:
    """The text of a message about an open incident.

    Why it was sent; what and where, since when; the cause; what was done; what is asked, until when; who
    is paged after the role that was `reached`; the evidence.
    """
    lines = [_first_line(why, record), _where(record), *_alert_says(record), *_so_far(record)]
    if awaiting:
        lines += ["", *question(awaiting, workflow.info().workflow_id), ""]
    if record.acknowledged_by:
        lines.append(f"Acknowledged by {record.acknowledged_by}.")
    elif record.phase is not Phase.CLOSED:
        role = following(record, reached)
        otherwise = f", or {role} is paged next" if role else ""
        lines.append(f"On it? Say so{otherwise}: starter.py ack {workflow.info().workflow_id}")
    return "\n".join((*lines, *_found(record)))


def ended(record: Record) -> str:
    """The text of the message that it is over: how, from when to when, what was done, where to read it."""
    began, well = _clock(record.fires_since), _clock(record.recovered_at)
    span = f"It began at {began} and was over at {well}, {in_words(record.recovered_at - record.fires_since)}"
    lines = [
        record.summary(),
        f"{span} later.",
        *_closed_by(record),
        *_alert_says(record),
        *done(one for one in record.performed if one.done or one.dry_run),
    ]
    lines += [_sentence(shorten(one, LONGEST_LINE)) for one in record.remarks]
    if record.escalated_because:
        lines.append(_sentence(f"A person was needed: {record.escalated_because}"))
    return "\n".join((*lines, f"The review: starter.py review {workflow.info().workflow_id}"))


def _closed_by(record: Record) -> Iterator[str]:
    if record.outcome is Outcome.CLOSED_BY_HUMAN and record.done:
        yield _sentence(
            f"{who(record.done)} said that it is done{record.done.text and ': '}{record.done.text}"
        )
    if record.outcome is Outcome.CANCELLED and (said := record.cancelled):
        yield _sentence(f"Cancelled by {who(said)}{said.text and ': '}{said.text}")
        yield "Its alert may still fire, and nothing more is done about it."


def following(record: Record, reached: str) -> str:
    """The role of the rung above, of the first one while nobody was paged."""
    roles = [one.role for one in record.policy.ladder.rungs] if record.policy else []
    place = roles.index(reached) + 1 if reached in roles else 0
    return roles[place] if place < len(roles) else ""


def _first_line(why: str, record: Record) -> str:
    """A sentence; the name of a service keeps its small letter."""
    named = why.startswith(record.alert.service)
    return _sentence(why if named else why[:1].upper() + why[1:])


def _where(record: Record) -> str:
    since = record.fires_since
    return (
        f"{record.alert.name} on {record.alert.service}, since {_clock(since)},"
        f" {in_words(workflow.now() - since)} ago."
    )


def _alert_says(record: Record) -> Iterator[str]:
    if words := record.alert.words:
        yield "The alert says: " + " ".join(_sentence(shorten(one, LONGEST_WORD)) for one in words.values())


def _so_far(record: Record) -> Iterator[str]:
    if record.cause == "unknown":
        yield "Cause: unknown, nothing that the runbook knows fits to what was found."
    elif record.cause:
        points = f" What points to it: {_sentence(record.pointing)}" if record.pointing else ""
        yield f"Cause: {record.cause}.{shorten(points, LONGEST_LINE)}"
    yield from done(record.performed)
    if record.handed_to:
        yield f"Handed to {', '.join(record.handed_to)}, which this one needs."
    if record.refused:
        yield _sentence(f"Not done: {record.refused.says}")
    if record.paused:
        until = f" until {_clock(record.paused.until)}" if record.paused.until else ""
        yield f"Paused{until}: {record.paused.why}. Nothing is done meanwhile."
    if record.wait and record.wait.until:
        yield _sentence(f"Waits until {_clock(record.wait.until)}: {record.wait.why}")
    if record.phase is Phase.ESCALATED:
        incident = workflow.info().workflow_id
        yield f"Nothing more is done by itself. Repaired? starter.py done {incident}"
        yield f"To let it look and act once more: starter.py retry {incident}"


def done(performed: Iterable[Performed]) -> Iterator[str]:
    for one in performed:
        did = "Would have done" if one.dry_run else "Done" if one.done else "Failed"
        did = "Perhaps done, which nobody knows, ordered" if one.lost else did
        yield _sentence(
            shorten(f"{did} at {_clock(one.started_at)}: {one.plan.says}: {one.found}", LONGEST_LINE)
        )


def question(pending: PendingApproval, incident: str) -> list[str]:
    """What is asked, until when, and how to answer; then each exact plan, its risk and its undo."""
    limit = [f"An approval overrides this limit: {pending.limit.why}."] if pending.limit else []
    end = f"After {_clock(pending.expires_at)} an answer counts no more, and nothing is done."
    return [*_asked(pending, incident), end, *limit, *_plans(pending)]


def _asked(pending: PendingApproval, incident: str) -> list[str]:
    if not pending.others:
        answer = f"starter.py approve {incident}, or starter.py deny {incident}. Or in the Temporal UI."
        return [f"Approve this plan? {pending.plan.says}.", f"Plan {pending.digest}. Answer: {answer}"]
    answer = f"starter.py approve {incident} takes the recommended plan, with --plan DIGEST another one"
    return [
        f"Which of these {len(pending.options)} plans? Recommended: {pending.plan.says}.",
        f"Answer: {answer}; starter.py deny {incident} refuses all. Or in the Temporal UI.",
    ]


def _plans(pending: PendingApproval) -> Iterator[str]:
    if not pending.others:
        yield from plan_lines(pending)
        return
    for option in pending.options:
        recommended = ", recommended" if option.recommended else ""
        yield f"Plan {option.digest}{recommended}: {option.plan.says}."
        yield from plan_lines(option)


def plan_lines(option: Option) -> list[str]:
    steps = (
        f"- {step.says}: {step.changes}. Undo: {step.undo or 'impossible'}." for step in option.plan.steps
    )
    return [f"Why: {option.plan.why}.", f"Risk: {option.risk}.", *steps]


def in_one_line(pending: PendingApproval) -> str:
    """What may be approved, for a timeline: `plan A: …`, or `plan A (recommended): …; or plan B: …`."""
    marked = " (recommended)" if pending.others else ""
    first = f"plan {pending.digest}{marked}: {pending.plan.says}"
    return "; or ".join((first, *(f"plan {one.digest}: {one.plan.says}" for one in pending.others)))


def _found(record: Record) -> Iterator[str]:
    """What is not well, a line each, and what is well in one."""
    seen = what_matters_first(record.evidence)
    unwell = [one for one in seen if one.finding != "ok"]
    if unwell:
        yield "Found:"
        yield from (
            shorten(f"- {one.name}: {one.finding}, {one.reason}", LONGEST_LINE) for one in unwell[:MOST_FOUND]
        )
    if (more := len(unwell) - MOST_FOUND) > 0:
        yield f"- and {more} more"
    if well := [one.name for one in seen if one.finding == "ok"]:
        yield shorten(f"Looked at and well: {', '.join(well)}.", LONGEST_LINE)


def _clock(moment: datetime) -> str:
    """`03:14:05 UTC`, with its day where that is not today."""
    at = moment.astimezone(UTC)
    day = "" if at.date() == workflow.now().date() else f"{at:%Y-%m-%d} "
    return f"{day}{at:%H:%M:%S} UTC"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."
