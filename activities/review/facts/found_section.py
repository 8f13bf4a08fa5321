"""What was found: first what was known when the cause was named, then what was read since the repair."""

from __future__ import annotations

from collections.abc import Iterator

from activities.review.facts.logged_error import LAST_ERROR
from activities.review.facts.readings import Readings
from activities.review.facts.sentences import Sentences
from models.incident.incident import EntryKind, EvidenceLine, Outcome, what_matters_first
from models.incident.review import Review
from models.text import for_markdown as said


def found_section(review: Review, words: Sentences) -> str:
    """What was known when the cause was named, then what was read since the repair; what was bad first."""
    readings = Readings(review)
    named = readings.named_at
    first = what_matters_first([one for one in readings.before if one not in readings.late])
    lines = [_look(one, words) + _of_its_log(review, readings, one) for one in first]
    lines += [_late(one, readings, words) for one in what_matters_first(readings.late)]
    by = words.when(named) if named else "before the repair"
    earlier = [f"- {said(name)}: {said(was)}, by {by}" for name, was in readings.earlier.items()]
    lines = [*earlier, *lines]
    if readings.lost:
        lines.append(f"- Only the later reading is kept of: {said(', '.join(readings.lost))}")
    if not readings.repair or not readings.after:
        return "\n".join(lines) or "Nothing was looked at."
    known = [one for one in review.timeline if one.at <= readings.repair]
    told = tuple(readings.earlier.values())
    confirmed = [one for one in known if one.kind is EntryKind.CONFIRMED and not one.text.endswith(told)]
    lines = [f"- {said(words.of(one))} That was read by {words.when(one.at)}." for one in confirmed] + lines
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


def _late(one: EvidenceLine, readings: Readings, words: Sentences) -> str:
    """Read again before the repair; the cause was named by what stands above it."""
    if one.name not in readings.earlier:
        return _look(one, words, "read after the cause was named, at ")
    again = _look(one, words, "read again after the cause was named, at ")
    return f"{again}: it was named by the reading before"


def _of_its_log(review: Review, readings: Readings, one: EvidenceLine) -> str:
    """`ok` means that no pattern matches: an error in it counts all the same."""
    if one.name != "logs" or one.finding != "ok" or LAST_ERROR not in one.reason:
        return ""
    use = "that error points to the cause" if one.name in readings.pointed else "that error is told below"
    return f"; ok says only that no pattern matches: {use}"


def _look(one: EvidenceLine, words: Sentences, read: str = "") -> str:
    at = f", {read}{words.when(one.at)}" if one.at else ""
    return f"- {said(one.name)}: **{said(one.finding)}**, {said(one.reason)}{at}"
