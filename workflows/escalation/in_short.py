"""An incident in short: what is known, what is asked, who is next."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Option, PendingApproval, Phase, what_matters_first
    from models.telling.in_short import Choice, InShort
    from models.text import shorten
    from workflows.escalation.wording import (
        LONGEST_LINE,
        LONGEST_WORD,
        MOST_FOUND,
        done,
        following,
        plan_lines,
    )
    from workflows.record.record import Record

LONGEST_DETAILS = 1500


def in_short(record: Record, awaiting: PendingApproval | None, reached: str) -> InShort:
    """As of now; nothing in it changes by the clock alone."""
    unwell = [one for one in what_matters_first(record.evidence) if one.finding != "ok"]
    policy, closed = record.policy, record.phase is Phase.CLOSED
    asked = None if closed else awaiting
    following_role = following(record, reached)
    return InShort(
        title=f"{policy.severity if policy else 'warning'}: {workflow.info().workflow_id}",
        since=record.fires_since,
        phase=record.phase,
        said=" ".join(shorten(one, LONGEST_WORD) for one in record.alert.words.values()),
        cause=record.cause,
        found=tuple(
            shorten(f"{one.name}: {one.finding}, {one.reason}", LONGEST_LINE) for one in unwell[:MOST_FOUND]
        ),
        done=tuple(done(record.performed)),
        choices=tuple(map(_choice, asked.options)) if asked else (),
        until=asked.expires_at if asked else None,
        next=f"{following_role} is paged next" if following_role and not closed else "",
        acknowledged_by=record.acknowledged_by,
        dry_run=policy.dry_run if policy else "",
        outcome=record.summary() if closed else "",
    )


def _choice(option: Option) -> Choice:
    details = shorten("\n".join(plan_lines(option)), LONGEST_DETAILS)
    return Choice(
        digest=option.digest, says=option.plan.says, details=details, recommended=option.recommended
    )
