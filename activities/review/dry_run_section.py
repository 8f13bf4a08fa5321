"""What a dry run would have done, and what happened without it, as a section of a review."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC

from models.incident.dry_run import Answer, DryRun, Planned
from models.text import for_markdown as said


def dry_run_section(dry_run: DryRun, handed_to: Sequence[str]) -> str:
    """In Markdown, without its heading."""
    paragraphs = [f"Nothing was done, because of `{said(dry_run.why)}`. Without a dry run:"]
    planned = (line for number, one in enumerate(dry_run.planned, 1) for line in _plan(number, one))
    handed = [f"- {said(one)} would have been healed first; its review says how" for one in handed_to]
    paragraphs.append("\n".join([*handed, *planned]) or "Nothing would have been done either.")
    paragraphs.append(f"What happened without it: {said(dry_run.happened)}.")
    if dry_run.planned:
        paragraphs.append(f"Whether it would have been right: **{dry_run.judged}**.")
    return "\n\n".join(paragraphs)


def _plan(number: int, one: Planned) -> Iterator[str]:
    answered = f"{one.answer} ({said(one.by)})" if one.by else f"{one.answer}"
    if one.answer is Answer.POLICY:
        answered = f"without a question, {said(one.by)}"
    yield f"{number}. **{said(one.says)}**, {answered}, at {one.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    for change in one.changes:
        yield f"   - Would change: {said(change)}"
