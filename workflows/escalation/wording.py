"""The texts of pages and approval requests."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.evidence.seen import Seen
    from models.incident.incident import Option, PendingApproval, Performed
    from workflows.record.record import Record


def evidence_lines(seen: Seen) -> list[str]:
    """The evidence, one line each."""
    return [f"{name}: {one.finding}, {one.reason}" for name, one in seen.by_name.items()]


def question(pending: PendingApproval, incident: str) -> str:
    """The text of an approval request: each exact plan, its risk, its undo, and how to answer."""
    limit = [f"An approval overrides this limit: {pending.limit.why}."] if pending.limit else []
    return "\n".join([*_asked(pending, incident), *limit])


def _asked(pending: PendingApproval, incident: str) -> list[str]:
    if pending.others:
        lines = [f"Which of these {len(pending.options)} plans?"]
        for option in pending.options:
            recommended = ", recommended" if option.recommended else ""
            lines += [f"Plan {option.digest}{recommended}: {option.plan.says}.", *_plan_lines(option)]
        answer = f"starter.py approve {incident} takes the recommended plan, with --plan DIGEST another one"
        return [*lines, f"Answer: {answer}, and deny none; or in the Temporal UI."]
    lines = [f"Approve this plan? {pending.plan.says}.", *_plan_lines(pending)]
    answer = f"starter.py approve {incident}, or deny; or in the Temporal UI."
    return [*lines, f"Plan {pending.digest}. Answer: {answer}"]


def _plan_lines(option: Option) -> list[str]:
    steps = (
        f"- {step.says}: {step.changes}. Undo: {step.undo or 'impossible'}." for step in option.plan.steps
    )
    return [f"Why: {option.plan.why}.", f"Risk: {option.risk}.", *steps]


def in_one_line(pending: PendingApproval) -> str:
    """What may be approved, for a timeline: `plan A: …`, or `plan A (recommended): …; or plan B: …`."""
    marked = " (recommended)" if pending.others else ""
    first = f"plan {pending.digest}{marked}: {pending.plan.says}"
    return "; or ".join((first, *(f"plan {one.digest}: {one.plan.says}" for one in pending.others)))


def _did(performed: Performed) -> str:
    return "Would have done" if performed.dry_run else "Done"


def situation(why: str, record: Record, awaiting: PendingApproval | None) -> str:
    """The text of a page: why it was sent, the cause, what was done, the evidence, the pending plan."""
    lines = [why]
    if record.cause:
        lines.append(f"Cause: {record.cause}.")
    lines += [f"{_did(one)}: {one.plan.says}: {one.found}." for one in record.performed]
    lines += evidence_lines(record.seen)
    if awaiting:
        lines.append(f"Waiting for a decision on {in_one_line(awaiting)}.")
    return "\n".join(lines)
