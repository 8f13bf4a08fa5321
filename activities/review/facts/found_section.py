"""What was found: first what was known when the cause was named, then what was read since the repair."""

from __future__ import annotations

from activities.review.facts.readings import Readings
from activities.review.facts.sentences import Sentences
from models.incident.incident import EntryKind, EvidenceLine, what_matters_first
from models.incident.review import Review
from models.text import for_markdown as said


def found_section(review: Review, words: Sentences) -> str:
    """What was known when the cause was named, then what was read since the repair; what was bad first."""
    readings = Readings(review)
    lines = [_look(one, words) for one in what_matters_first(readings.before)]
    if not readings.repair or not readings.after:
        return "\n".join(lines) or "Nothing was looked at."
    named = words.when(readings.named_at) if readings.named_at else "before the repair"
    known = [one for one in review.timeline if one.at <= readings.repair]
    told = tuple(readings.earlier.values())
    confirmed = [one for one in known if one.kind is EntryKind.CONFIRMED and not one.text.endswith(told)]
    lines = [
        *(f"- {said(words.of(one))} That was read by {words.when(one.at)}." for one in confirmed),
        *(f"- {said(name)}: {said(was)}, by {named}" for name, was in readings.earlier.items()),
        *lines,
    ]
    if readings.lost:
        lines.append(f"- Only the later reading is kept of: {said(', '.join(readings.lost))}")
    began = f"### Read again after {readings.after_what}, {words.when(readings.repair)}"
    again = [_look(one, words) for one in what_matters_first(readings.after)]
    return "\n".join((*lines, "", began, "", *again))


def _look(one: EvidenceLine, words: Sentences) -> str:
    at = f", {words.when(one.at)}" if one.at else ""
    return f"- {said(one.name)}: **{said(one.finding)}**, {said(one.reason)}{at}"
