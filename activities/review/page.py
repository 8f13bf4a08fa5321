"""The post-incident review as a Markdown page.

The sections stand here in the order of the page. Text from outside goes through `said`, which
escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from activities.review.file_name import file_name
from activities.review.markdown import fenced, link
from activities.review.report_page import report_section
from models.base import in_words
from models.incident.incident import Entry, Performed, Through
from models.incident.review import CHECKLIST, Review
from models.text import for_markdown as said

_NOTHING = "Nothing."


def page(review: Review) -> str:
    """The whole review, or its short form for alerts that are not critical."""
    sections = [_head(review), _section("Summary", said(review.summary) or _NOTHING)]
    if review.report:
        sections.append(_section("Report", report_section(review.report, file_name(review))))
    if not review.short:
        sections.append(_section("Timeline", _timeline(review.timeline)))
    sections.append(_section("Cause and evidence", _cause(review)))
    sections.append(_section("What was done", _done(review.performed)))
    sections.append(_section("Times", _times(review)))
    if not review.short or review.did_not_help:
        sections.append(_section("What was tried and did not help", _list(review.did_not_help)))
    if not review.short or review.remarks:
        sections.append(_section("Remarks", _list(review.remarks)))
    if not review.short:
        sections.append(_section("Still to do", _checklists()))
    if review.links:
        sections.append(_section("Links", "\n".join(f"- {link(*item)}" for item in review.links.items())))
    if review.log_tail and not review.short:
        sections.append(_section("The end of the log", fenced(review.log_tail)))
    return "\n\n".join(sections) + "\n"


def _head(review: Review) -> str:
    facts = (
        f"**{said(review.outcome.value)}** after {in_words(review.resolved_after)}",
        review.severity.value,
        f"began {_stamp(review.began_at)}",
        f"runbook {said(review.runbook)}",
        f"run {said(review.run_id)}",
    )
    return f"# Post-incident review: {said(review.incident)}\n\n{' · '.join(facts)}"


def _times(review: Review) -> str:
    return "\n".join(
        (
            f"- Detected after {in_words(review.detected_after)}",
            _response(review.responded_after, review.respond_within),
            f"- Resolved after {in_words(review.resolved_after)}: "
            + _against(review.resolved_after, review.respond_within),
        )
    )


def _response(after: timedelta | None, within: timedelta) -> str:
    if after is None:
        return f"- Nobody responded; the deadline was {in_words(within)}"
    return f"- Responded after {in_words(after)}: {_against(after, within)}"


def _against(took: timedelta, deadline: timedelta) -> str:
    if took <= deadline:
        return f"within the deadline of {in_words(deadline)}"
    return f"{in_words(took - deadline)} past the deadline of {in_words(deadline)}"


def _cause(review: Review) -> str:
    lines = [f"Cause: **{said(review.cause) or 'unknown'}**"]
    if review.also_seen:
        lines.append(f"Also seen: {', '.join(said(cause) for cause in review.also_seen)}")
    if review.evidence and not review.short:
        found = (f"- {said(e.name)}: **{said(e.finding)}**, {said(e.reason)}" for e in review.evidence)
        lines.append("\n".join(found))
    return "\n\n".join(lines)


def _done(performed: Iterable[Performed]) -> str:
    return (
        "\n".join(_plan(number, done) for number, done in enumerate(performed, 1)) or "Nothing was changed."
    )


def _plan(number: int, performed: Performed) -> str:
    """One plan: why, who approved it, and what each of its actions changed and how it is undone."""
    when = f"{_stamp(performed.started_at)}, took {in_words(performed.finished_at - performed.started_at)}"
    approved = f"approved by {said(performed.approved_by)}" if performed.approved_by else "without approval"
    lines = [
        f"{number}. **{said(performed.plan.says)}** ({approved}), {when}",
        f"   - Why: {said(performed.plan.why)}",
        *(f"   - Chosen instead of: {said(other)}" for other in performed.instead_of),
        f"   - {'Found afterwards' if performed.done else 'Not done'}: {said(performed.found)}",
    ]
    lines += [f"   - Kept beside this review: {said(one)}" for one in performed.kept]
    if performed.done:
        for step in performed.plan.steps:
            undo = f"to undo it: {said(step.undo)}" if step.undo else "it cannot be undone"
            lines.append(f"   - Changed: {said(step.changes)}; {undo}")
    return "\n".join(lines)


def _timeline(entries: Iterable[Entry]) -> str:
    return "\n".join(_entry(entry) for entry in entries) or _NOTHING


def _entry(entry: Entry) -> str:
    line = f"- {_stamp(entry.at)} · {said(entry.text)}"
    if entry.through is Through.PRODUCT:
        return line
    return f"{line} ({said(entry.by) or 'a person'}, through {entry.through.value})"


def _checklists() -> str:
    lists = []
    for title, boxes in CHECKLIST.items():
        lists.append("\n".join((f"### {title}\n", *(f"- [ ] {box}" for box in boxes))))
    return "\n\n".join(lists)


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {said(text)}" for text in texts) or _NOTHING


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
