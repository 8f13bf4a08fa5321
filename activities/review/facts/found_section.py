"""What was found: first what was known when the cause was named, then what was read since the repair."""

from __future__ import annotations

from collections.abc import Iterator

from activities.review.facts.readings import Readings
from activities.review.facts.sentences import Sentences
from models.incident.incident import EntryKind, EvidenceLine, Outcome, what_matters_first
from models.incident.review import Review
from models.text import for_markdown as said


def found_section(review: Review, words: Sentences) -> str:
    """What was known when the cause was named, then what was read since the repair; what was bad first."""
    readings = Readings(review)
    named = readings.named_at
    until = readings.known_by
    late = [one for one in readings.before if one.at and until and one.at > until]
    lines = [_look(one, words) for one in what_matters_first(readings.before) if one not in late]
    lines += [_look(one, words, "read after the cause was named, at ") for one in what_matters_first(late)]
    if not readings.repair or not readings.after:
        return "\n".join(lines) or "Nothing was looked at."
    by = words.when(named) if named else "before the repair"
    known = [one for one in review.timeline if one.at <= readings.repair]
    told = tuple(readings.earlier.values())
    confirmed = [one for one in known if one.kind is EntryKind.CONFIRMED and not one.text.endswith(told)]
    lines = [
        *(f"- {said(words.of(one))} That was read by {words.when(one.at)}." for one in confirmed),
        *(f"- {said(name)}: {said(was)}, by {by}" for name, was in readings.earlier.items()),
        *lines,
    ]
    if readings.lost:
        lines.append(f"- Only the later reading is kept of: {said(', '.join(readings.lost))}")
    began = f"### Read again after {readings.after_what}, {words.when(readings.repair)}"
    again = [_look(one, words) for one in what_matters_first(readings.after)]
    return "\n".join((*lines, "", began, "", *again, *_no_contradiction(review, readings, words)))


def _no_contradiction(review: Review, readings: Readings, words: Sentences) -> Iterator[str]:
    """Why what was read last is bad, and the incident is resolved."""
    bad = [one.name for one in readings.after if one.finding == "bad"]
    proofs = [one for one in review.timeline if one.kind is EntryKind.VERIFIED]
    if bad and proofs and review.outcome is Outcome.RESOLVED:
        when, proof = words.when(proofs[-1].at), words.of(proofs[-1])
        same = "bad, and the incident is resolved all the same, by what was proved at"
        yield f"\n{said(', '.join(bad))}: {same} {when}. {said(proof)}"


def _look(one: EvidenceLine, words: Sentences, read: str = "") -> str:
    at = f", {read}{words.when(one.at)}" if one.at else ""
    return f"- {said(one.name)}: **{said(one.finding)}**, {said(one.reason)}{at}"
