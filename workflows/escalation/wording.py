"""The texts of pages and approval requests."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.change import Risk
    from models.actions.plan import Plan
    from models.evidence.seen import Seen
    from models.incident.incident import PendingApproval
    from workflows.record.record import Record


def evidence_lines(seen: Seen) -> list[str]:
    """The evidence, one line each."""
    return [f"{name}: {one.finding}, {one.reason}" for name, one in seen.by_name.items()]


def question(plan: Plan, risk: Risk, incident: str) -> str:
    """The text of an approval request: the exact plan, its risk, its undo, and how to answer."""
    lines = [f"Approve this plan? {plan.says}.", f"Why: {plan.why}.", f"Risk: {risk}."]
    for step in plan.steps:
        lines.append(f"- {step.says}: {step.changes}. Undo: {step.undo or 'impossible'}.")
    lines.append(
        f"Plan {plan.digest}. Answer: starter.py approve {incident}, or deny; or in the Temporal UI."
    )
    return "\n".join(lines)


def situation(why: str, record: Record, awaiting: PendingApproval | None) -> str:
    """The text of a page: why it was sent, the cause, what was done, the evidence, the pending plan."""
    lines = [why]
    if record.cause:
        lines.append(f"Cause: {record.cause}.")
    lines += [f"Done: {one.plan.says}: {one.found}." for one in record.performed]
    lines += evidence_lines(record.seen)
    if awaiting:
        lines.append(f"Waiting for a decision on plan {awaiting.digest}: {awaiting.plan.says}.")
    return "\n".join(lines)
