"""What the Temporal UI shows of an incident.

The current details are Markdown without tables, which the UI does not draw. Text from outside
the product is escaped before it gets here.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Option, PendingApproval, Phase
    from models.incident.search_attributes import DRY_RUN, PHASE, SEVERITY
    from models.names import Severity
    from models.text import for_temporal_ui as shown
    from workflows.record.record import Record

LAST_ENTRIES = 8


def show_phase(phase: Phase) -> None:
    """Let the run be found by its phase."""
    workflow.upsert_search_attributes([PHASE.value_set(phase.value)])


def show_severity(severity: Severity) -> None:
    """Let the run be found by its severity."""
    workflow.upsert_search_attributes([SEVERITY.value_set(severity.value)])


def show_dry_run(why: str) -> None:
    """Let the run be found as a dry run."""
    workflow.upsert_search_attributes([DRY_RUN.value_set(why)])


def show_details(record: Record, awaiting: PendingApproval | None) -> None:
    """Write phase, cause, the awaited decision and the newest timeline lines for the UI."""
    paragraphs = [f"**Phase**: {record.phase}"]
    if record.policy and record.policy.dry_run:
        why = shown(record.policy.dry_run)
        paragraphs.append(f"**Dry run** ({why}): what would be done is recorded, and not done")
    if record.outcome:
        paragraphs.append(f"**Outcome**: {shown(record.summary())}")
    if record.cause:
        paragraphs.append(f"**Cause**: {shown(record.cause)}")
    if awaiting:
        paragraphs += _question(awaiting)
    if record.refused:
        paragraphs.append(f"**Refused** ({record.refused.reason}): {shown(record.refused.says)}")
    if record.wait:
        end = f" until {record.wait.until:%Y-%m-%d %H:%M:%S} UTC" if record.wait.until else ""
        paragraphs.append(f"**Waits**{end}: {shown(record.wait.why)}")
    newest = reversed(record.timeline.entries[-LAST_ENTRIES:])
    lines = "\n".join(f"- {one.at:%H:%M:%S} {shown(one.text)}" for one in newest)
    workflow.set_current_details("\n\n".join([*paragraphs, "**Newest first**", lines]))


def _question(awaiting: PendingApproval) -> list[str]:
    limit = [f"**Your approval overrides**: {shown(awaiting.limit.why)}"] if awaiting.limit else []
    return [*_asked(awaiting), *limit]


def _asked(awaiting: PendingApproval) -> list[str]:
    if not awaiting.others:
        return [
            f"**Waiting for approval** of plan `{awaiting.digest}` ({awaiting.risk})",
            *_plan(awaiting),
            'Choose **approve** or **deny** under "More Actions", "Send a Signal"; no input is needed.',
        ]
    lines = [f"**Waiting for a choice** among {len(awaiting.options)} plans"]
    for option in awaiting.options:
        recommended = ", **recommended**" if option.recommended else ""
        lines += [f"Plan `{option.digest}` ({option.risk}){recommended}", *_plan(option)]
    other = awaiting.others[0].digest
    return [
        *lines,
        'Choose **approve** under "More Actions", "Send a Signal": no input takes the recommended plan, and'
        f' the digest of another one in quotes, as `"{other}"`, takes that one. **deny** refuses all.',
    ]


def _plan(option: Option) -> list[str]:
    steps = (
        f"- {shown(step.says)}. Changes: {shown(step.changes)}. Undo: {shown(step.undo or 'impossible')}."
        for step in option.plan.steps
    )
    return ["\n".join(steps), f"Why: {shown(option.plan.why)}"]
