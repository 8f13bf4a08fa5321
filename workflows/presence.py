"""What the Temporal UI shows of an incident while it runs.

The current details are Markdown without tables, which the UI does not draw. Text from outside
the product is stripped of markup before it gets here.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident import Entry, PendingApproval, Phase
    from workflows.search_attributes import PHASE

LAST_ENTRIES = 8


def show_phase(phase: Phase) -> None:
    """Let the run be found by its phase."""
    workflow.upsert_search_attributes([PHASE.value_set(phase.value)])


def show_details(
    phase: Phase, cause: str, awaiting: PendingApproval | None, entries: Sequence[Entry]
) -> None:
    """Write phase, cause, the awaited decision and the newest timeline lines for the UI."""
    paragraphs = [f"**Phase**: {phase}"]
    if cause:
        paragraphs.append(f"**Cause**: {plain(cause)}")
    if awaiting:
        paragraphs += _question(awaiting)
    newest = "\n".join(f"- {one.at:%H:%M:%S} {plain(one.text)}" for one in entries[-LAST_ENTRIES:])
    workflow.set_current_details("\n\n".join([*paragraphs, "**Newest**", newest]))


def _question(awaiting: PendingApproval) -> list[str]:
    steps = (f"- {plain(step.says)}. Changes: {plain(step.changes)}." for step in awaiting.plan.steps)
    return [
        f"**Waiting for a decision** on plan `{awaiting.digest}` ({awaiting.risk})",
        "\n".join(steps),
        f"Why: {plain(awaiting.plan.why)}",
        'Choose **approve** or **deny** under "More Actions", "Send a Signal"; no input is needed.',
    ]


def plain(text: str) -> str:
    """Text that cannot become markup, whoever wrote it."""
    return "".join(" " if c in "<>[]`*_|\r\n" else c for c in text)[:500]
