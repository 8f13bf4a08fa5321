"""What an incident leaves open: what the product changed and left in place, and a cause that still is one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from activities.review.facts.by_hand import by_hand
from activities.review.facts.causes import NOTHING_LEFT, UNMENDED, Unmended
from activities.review.facts.logged_error import before_it, logged_error, points_to_the_cause
from activities.review.facts.readings import Readings
from activities.review.facts.this_time import loop_to_bound, still_open, whole_sync
from models.actions.application import OUR_NOTE, PauseSchedule, SyncProducts, UnpauseSchedule
from models.actions.change import Change
from models.actions.service import RollBack, StartService
from models.incident.incident import Outcome, Performed
from models.incident.review import Review

_REVERTED_BY = {
    "degrade": "restore-service",
    "disable-endpoint": "reopen-endpoint",
    "answer-maintenance": "reopen-endpoint",
    "raise-budget": "restore-budget",
    "use-backup-generator": "use-usual-generator",
    "pause-schedule": "unpause-schedule",
}
"""What is only for a while, and what ends it."""

_NO_CHANGE_THAT_STAYS = ("retry-workflow", "take-diagnostic", "wait-for-reset")
_RUNNING = re.compile(r"^running for ([^,;]+)")


def open_work(review: Review) -> list[str]:
    """Each as what a person must do."""
    return [*_left_in_place(review), *_unmended(review)]


def is_mended(review: Review) -> bool:
    """Whether nothing is left to do about its cause."""
    return review.cause in NOTHING_LEFT


def _left_in_place(review: Review) -> Iterator[str]:
    performed = _carried_out(review)
    for place, one in enumerate(performed):
        for number, step in enumerate(one.plan.steps):
            later = (*one.plan.steps[number + 1 :], *_steps(performed[place + 1 :]))
            ours = any(_ends(step, before) for before in _steps(performed[:place]))
            if not ours and not any(_ends(after, step) for after in later):
                yield from _of_step(step, review, one)
        for name in one.kept:
            yield f"read {name}, which is kept beside this review, then delete it: it may hold secrets"


def _steps(performed: Sequence[Performed]) -> Iterator[Change]:
    for one in performed:
        yield from one.plan.steps


def _of_step(step: Change, review: Review, performed: Performed) -> Iterator[str]:
    if isinstance(step, PauseSchedule):
        yield (
            f"the schedule {step.schedule} starts nothing until it is unpaused: "
            "unpause it when its cause is mended"
        )
        if runs_on := still_open(review):
            yield runs_on
    elif isinstance(step, UnpauseSchedule):
        noted = f" (with the note: {step.note})" if step.note else ""
        if not step.note.startswith(OUR_NOTE):
            yield (
                f"the schedule {step.schedule} was paused{noted}, and this incident ended that pause: "
                f"tell that to the person who paused it, and ask why; to undo it: {step.undo}"
            )
    elif isinstance(step, SyncProducts):
        if step.asked_with:
            yield f"it was only asked to {step.says}{whole_sync(review, performed)}"
    elif isinstance(step, RollBack):
        if not _has_its_box(review):
            yield f"fix what {_left_by(step)} brought, before it is deployed again"
    elif step.kind in _REVERTED_BY:
        yield f"“{step.says}” was not reverted, as far as is known: see to it; {step.changes}"
    elif step.undo and not isinstance(step, StartService) and step.kind not in _NO_CHANGE_THAT_STAYS:
        yield f"“{step.says}” stays as it is: decide whether to keep it; to undo it: {step.undo}"


def _ends(after: Change, step: Change) -> bool:
    """Whether this later step takes that one back."""
    if after.kind != _REVERTED_BY.get(step.kind):
        return False
    if isinstance(step, PauseSchedule) and isinstance(after, UnpauseSchedule):
        return after.schedule == step.schedule
    return getattr(after, "path", "") == getattr(step, "path", "")


def _unmended(review: Review) -> Iterator[str]:
    if not _has_its_box(review):
        return
    left = UNMENDED.get(review.cause, Unmended("find out how it came about, and mend that"))
    readings = Readings(review)
    seen = [(one, was) for one in left.seen.split(" ") if (was := readings.known_then(one))]
    told = [was for one, was in seen if one in readings.pointed] or [was for _, was in seen]
    if left.by_its_error and says_why(review) and (error := logged_error(review)):
        told.append(f"the last error in its log: {error.text}")
    more = f" ({'; '.join(told)})" if told else ""
    says = loop_to_bound(review) or left.says
    comes_back = f"; {after}" if (after := comes_back_after(review)) else ""
    back = [one for one in _steps(_carried_out(review)) if isinstance(one, RollBack)]
    again = f", before {_left_by(back[-1])} is deployed again" if back else ""
    yield f"{review.cause}{more}: {says}{again}{comes_back}{_what_was_done_of_it(review)}"


def _has_its_box(review: Review) -> bool:
    return review.cause not in ("", "unknown") and not is_mended(review)


def says_why(review: Review) -> bool:
    """Whether the last error in its log has no box of its own: the box of the cause is about it."""
    if not _has_its_box(review) or before_it(review):
        return False
    left = UNMENDED.get(review.cause)
    return points_to_the_cause(review) or bool(left and left.by_its_error)


def comes_back_after(review: Review) -> str:
    """`expect it again after about 35 s, …`, by how long it had run when seen; empty if it does not."""
    left = UNMENDED.get(review.cause)
    if not (left and left.again and any(step.restarts for step in _steps(_carried_out(review)))):
        return ""
    had_run = _RUNNING.match(Readings(review).known_then("process"))
    return (
        f"expect it again after about {had_run[1]}, as long as it had run when it was seen"
        if had_run
        else "expect it again"
    )


def _carried_out(review: Review) -> list[Performed]:
    return [one for one in review.performed if one.done and not one.dry_run]


def _left_by(step: RollBack) -> str:
    left = step.leaves.beside(step.target) if step.target else step.from_version
    return left or "the version that ran until then (which one that was, is not known)"


def _what_was_done_of_it(review: Review) -> str:
    if _carried_out(review):
        return ""
    if steps := by_hand(review):
        return f"; the runbook changed nothing, {steps[-1].by or 'somebody'} said that it is done"
    if review.outcome in (Outcome.CLOSED_BY_HUMAN, Outcome.CANCELLED):
        return "; the runbook changed nothing"
    return ""
