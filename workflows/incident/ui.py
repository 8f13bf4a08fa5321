"""What the Temporal UI shows of an incident.

The current details are Markdown without tables, which the UI does not draw. Text from outside
the product is escaped before it gets here.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Entry, Option, PendingApproval, Phase, what_matters_first
    from models.incident.search_attributes import CAUSE, DRY_RUN, OUTCOME, PHASE, SEVERITY
    from models.names import Severity
    from models.text import for_temporal_ui as shown
    from workflows.record.record import Record

LAST_ENTRIES = 8
MOST_FOUND = 10
"""The bad evidence is among them before all other."""
NOT_HERE = "**Decide by the intake or the command line**: what is sent from here is refused."


def show_phase(record: Record) -> None:
    """Let the run be found by its phase; once it is closed by its outcome and cause as well."""
    found_by = [PHASE.value_set(record.phase.value)]
    if record.phase is Phase.CLOSED:
        found_by += [OUTCOME.value_set(record.outcome.value)] if record.outcome else []
        found_by += [CAUSE.value_set(record.cause)] if record.cause else []
    workflow.upsert_search_attributes(found_by)


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
    if record.alert.words:
        paragraphs.append(f"**The alert says**: {shown('. '.join(record.alert.words.values()))}")
    if record.outcome:
        paragraphs.append(f"**Outcome**: {shown(record.summary())}")
    if record.cause:
        paragraphs.append(f"**Cause**: {shown(record.cause)}")
    if awaiting:
        raw_counts = record.policy is None or record.policy.approval.temporal_ui
        paragraphs += [*_question(awaiting), _how(awaiting) if raw_counts else NOT_HERE]
    if record.refused:
        paragraphs.append(f"**Refused** ({record.refused.reason}): {shown(record.refused.says)}")
    if record.paused:
        paragraphs.append(f"**Paused**: {shown(record.paused.why)}. Nothing is done, and nobody is called.")
    if record.wait:
        end = f" until {record.wait.until:%Y-%m-%d %H:%M:%S} UTC" if record.wait.until else ""
        paragraphs.append(f"**Waits**{end}: {shown(record.wait.why)}")
    if found := what_matters_first(record.evidence):
        seen = (f"- {one.name}: **{one.finding}**, {shown(one.reason, 200)}" for one in found[:MOST_FOUND])
        paragraphs += ["**Found**", "\n".join(seen)]
    newest = reversed(record.timeline.entries[-LAST_ENTRIES:])
    lines = "\n".join(f"- {one.at:%H:%M:%S} {_line(one)}" for one in newest)
    workflow.set_current_details("\n\n".join([*paragraphs, "**Newest first**", lines]))


def _line(entry: Entry) -> str:
    return f"{shown(entry.text)} ({shown(entry.by)})" if entry.of_a_person else shown(entry.text)


def _question(awaiting: PendingApproval) -> list[str]:
    limit = [f"**Your approval overrides**: {shown(awaiting.limit.why)}"] if awaiting.limit else []
    return [*_plans(awaiting), *limit]


def _how(awaiting: PendingApproval) -> str:
    if not awaiting.others:
        return 'Choose **approve** or **deny** under "More Actions", "Send a Signal"; no input is needed.'
    other = awaiting.others[0].digest
    return (
        'Choose **approve** under "More Actions", "Send a Signal": no input takes the recommended plan, and'
        f' the digest of another one in quotes, as `"{other}"`, takes that one. **deny** refuses all.'
    )


def _plans(awaiting: PendingApproval) -> list[str]:
    if not awaiting.others:
        return [f"**Waiting for approval** of plan `{awaiting.digest}` ({awaiting.risk})", *_plan(awaiting)]
    lines = [f"**Waiting for a choice** among {len(awaiting.options)} plans"]
    for option in awaiting.options:
        recommended = ", **recommended**" if option.recommended else ""
        lines += [f"Plan `{option.digest}` ({option.risk}){recommended}", *_plan(option)]
    return lines


def _plan(option: Option) -> list[str]:
    steps = (
        f"- {shown(step.says)}. Changes: {shown(step.changes)}. Undo: {shown(step.undo or 'impossible')}."
        for step in option.plan.steps
    )
    return ["\n".join(steps), f"Why: {shown(option.plan.why)}"]
