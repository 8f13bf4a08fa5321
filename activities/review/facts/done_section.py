"""What was done: by the runbook, and by people by hand, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from activities.review.facts.by_hand import by_hand, done_what
from activities.review.facts.sentences import Sentences, person
from models.actions.approved_by import REVERTED, policy_says
from models.actions.change import Change
from models.actions.service import RollBack
from models.base import in_words
from models.incident.incident import Entry, Performed
from models.incident.review import Review
from models.text import for_markdown as said

NO_DEPLOYMENT = ("recent deployments: none is recorded", "recent deployments: none are known")
"""How the plan of a rollback says that none is recorded, now and before."""


def done_section(review: Review, words: Sentences) -> str:
    """The plans of the runbook, and what people did by hand, in the order of time."""
    done: list[tuple[datetime, Performed | Entry]] = [
        *((one.started_at, one) for one in review.performed if not one.dry_run),
        *((one.at, one) for one in by_hand(review)),
    ]
    done.sort(key=lambda one: one[0])
    lines = (
        _by_a_person(number, one, words) if isinstance(one, Entry) else _plan(number, one, words)
        for number, (_, one) in enumerate(done, 1)
    )
    return "\n".join(lines) or "Nothing was changed."


def _by_a_person(number: int, entry: Entry, words: Sentences) -> str:
    who = said(person(entry))
    return (
        f"{number}. **{said(done_what(entry))}**, by hand, by {who}, not by the runbook; "
        f"said to be done at {words.when(entry.at)}"
    )


def _plan(number: int, performed: Performed, words: Sentences) -> str:
    """One plan: by whom, why, and what each of its actions changed and how it is undone."""
    took = in_words(performed.finished_at - performed.started_at)
    by = by_whom(performed.approved_by, performed.plan.proposed_by)
    lines = [
        f"{number}. **{said(performed.plan.says)}**, {by}, "
        f"at {words.when(performed.started_at)}; it took {took}",
        f"   - Why: {said(performed.plan.why)}",
        *(f"   - {one}" for one in _all_the_same(performed)),
        *(f"   - Chosen instead of: {said(words.plainly(other))}" for other in performed.instead_of),
        f"   - {_what_came(performed)}: {said(performed.found)}",
    ]
    lines += [f"   - Kept beside this review: {said(one)}" for one in performed.kept]
    if performed.done:
        for step in performed.plan.steps:
            lines.append(f"   - Changed: {said(step.changes)}; {_undone(step)}")
    return "\n".join(lines)


def _undone(step: Change) -> str:
    if step.undo:
        return f"to undo it: {said(step.undo)}"
    if isinstance(step, RollBack):
        return "the runbook cannot undo it: the later version comes back only when it is deployed again"
    return "it cannot be undone"


def _all_the_same(performed: Performed) -> Iterator[str]:
    """Why it is rolled back where no deployment is known."""
    back = any(isinstance(step, RollBack) for step in performed.plan.steps)
    if not back or not any(none in performed.plan.why for none in NO_DEPLOYMENT):
        return
    crashed = (
        "it crashed again after it was started again, and " if "it crashed " in performed.plan.why else ""
    )
    yield (
        f"No deployment is recorded. It is rolled back all the same, for {crashed}a deployment may have been "
        "made past these records: whether one was, is not known"
    )


def _allowed(why: str) -> str:
    """`guarded at critical` for who does not know what that is."""
    risk, urgent, severity = (*why.partition(" at "),)
    if not urgent:
        return f"the configuration allows it ({said(why)})"
    return (
        f"its risk is {said(risk)}, and at severity {said(severity)} that is done without asking: "
        "no person approved it"
    )


def _what_came(performed: Performed) -> str:
    if performed.lost:
        return "Perhaps done"
    return "Found afterwards" if performed.done else "Not done"


def by_whom(approved_by: str, proposed_by: str) -> str:
    """Who proposed and who approved it, or the runbook by itself, with the risk by which it may."""
    if not approved_by:
        return "without approval"
    if approved_by == REVERTED:
        return "carried out by the runbook by itself, which reverts what was temporary"
    if why := policy_says(approved_by):
        return f"carried out by the runbook by itself: {_allowed(why)}"
    proposed = f"proposed by {said(proposed_by)}, " if proposed_by else ""
    return f"carried out by the runbook, {proposed}approved by {said(approved_by)}"
