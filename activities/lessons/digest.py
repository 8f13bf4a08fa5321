"""What the team can learn from a month of incidents, in words for a meeting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median

from activities.lessons.decisions import Answer, Decision, decisions
from activities.lessons.kept import Kept
from activities.lessons.unknown_causes import UNKNOWN
from models.base import in_words
from models.checks.item import Figure, ItemResult, ItemState, Table
from models.incident.incident import Outcome
from models.incident.report import Chart, Series
from models.incident.review import Review
from models.text import shorten

MOST = 5
"""Of each kind that are told; the tables have more."""
MOST_ROWS = 30
LONGEST = 200
_ESCALATED = "Escalated: "

Facts = tuple[str, ...]


def digest(month: Kept, before: Kept, over: str) -> ItemResult:
    """`ok` when there is nothing to talk about, and `attention` when there is."""
    now = datetime.now(UTC)
    if month.reason:
        return ItemResult(reason=month.reason, observed_at=now)
    reviews = month.reviews
    asked = [one for review in reviews for one in decisions(review)]
    to_say = (
        *_new(reviews, before.reviews),
        *_escalated(reviews),
        *_slow(asked),
        *_denied(asked),
        *_in_vain(reviews),
    )
    return ItemResult(
        state=ItemState.ATTENTION if to_say else ItemState.OK,
        reason=f"{_counted(reviews)} in {over}"
        + (f", and {len(to_say)} things to talk about" if to_say else ""),
        observed_at=now,
        details=(*to_say, *month.remarks),
        figures=tuple(_figures(reviews, asked)),
        tables=tuple(_tables(reviews, asked)),
        charts=_chart(reviews),
    )


def first_seen(reviews: Sequence[Review], before: Sequence[Review]) -> list[Review]:
    """The first incident of each cause that none had before, by runbook."""
    known = {(one.runbook, one.cause) for one in before}
    found: dict[tuple[str, str], Review] = {}
    for one in reviews:
        if one.cause and one.cause != UNKNOWN and (one.runbook, one.cause) not in known:
            found.setdefault((one.runbook, one.cause), one)
    return list(found.values())


def escalated_because(review: Review) -> str:
    """Why the product handed it over to a person; empty where it did not."""
    said = (one.removeprefix(_ESCALATED) for one in review.remarks if one.startswith(_ESCALATED))
    return next(said, "")


def _counted(reviews: Sequence[Review]) -> str:
    """`12 incidents (7 resolved, 3 self-recovered, 2 closed-by-human)`."""
    if not reviews:
        return "no incident"
    outcomes = Counter(review.outcome for review in reviews)
    named = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    return f"{len(reviews)} incident{'s' if len(reviews) > 1 else ''} ({named})"


def _new(reviews: Sequence[Review], before: Sequence[Review]) -> Iterable[str]:
    if not before:
        return  # of the first month everything is new
    for one in first_seen(reviews, before)[:MOST]:
        helped = one.performed[-1].plan.says if one.performed and not one.did_not_help else "a person went on"
        yield f"New: {one.cause} ({one.runbook} of {one.alert.service}, {_day(one)}); what helped: {helped}"


def _escalated(reviews: Sequence[Review]) -> Iterable[str]:
    handed = [(review, why) for review in reviews if (why := escalated_because(review))]
    for review, why in sorted(handed, key=lambda one: -one[0].resolved_after)[:MOST]:
        took = in_words(review.resolved_after)
        yield f"Escalated: {review.incident}, {_day(review)}, over after {took}: {_short(why)}"


def _slow(asked: Sequence[Decision]) -> Iterable[str]:
    """The decisions that took longest; half a minute is no wait."""
    long = [one for one in asked if one.after is not None and one.after > timedelta(minutes=1)]
    for one in sorted(long, key=lambda one: -(one.after or timedelta()))[:MOST]:
        answered = f"until {one.answer} by {one.by}" if one.by else f"until it {one.answer}"
        waited = in_words(one.after or timedelta())
        yield f"Waited {waited} {answered}: {one.incident}, {_short(one.what)}"


def _denied(asked: Sequence[Decision]) -> Iterable[str]:
    for one in [one for one in asked if one.answer is Answer.DENIED][:MOST]:
        words = (
            f", who said: {_short(one.words)}" if one.words else ": ask why, and what the runbook should know"
        )
        yield f"Denied: {one.incident}, {_short(one.what)}; by {one.by}{words}"


def _in_vain(reviews: Sequence[Review]) -> Iterable[str]:
    tried = [(review, what) for review in reviews for what in review.did_not_help]
    for review, what in tried[:MOST]:
        yield f"Did not help: {review.incident} ({review.cause or UNKNOWN}), {_day(review)}: {_short(what)}"


def _figures(reviews: Sequence[Review], asked: Sequence[Decision]) -> Iterable[Figure]:
    yield Figure(name="incidents", value=len(reviews))
    yield Figure(name="escalated", value=sum(bool(escalated_because(one)) for one in reviews))
    if reviews:
        resolved = median(one.resolved_after.total_seconds() for one in reviews)
        yield Figure(name="resolved after, median", value=round(resolved / 60, 1), unit="min")
    answered = [one.after.total_seconds() for one in asked if one.after is not None]
    if answered:
        yield Figure(name="decided after, median", value=round(median(answered) / 60, 1), unit="min")


def _tables(reviews: Sequence[Review], asked: Sequence[Decision]) -> Iterable[Table]:
    causes = Counter((one.runbook, one.cause or UNKNOWN) for one in reviews)
    if causes:
        rows = [(runbook, cause, str(number)) for (runbook, cause), number in causes.most_common(MOST_ROWS)]
        yield Table(title="Causes of the month", columns=("runbook", "cause", "times"), rows=tuple(rows))
    if asked:
        cells = tuple(_cells(one) for one in asked[:MOST_ROWS])
        columns = ("incident", "asked at", "plan", "answer", "by", "after")
        yield Table(title="Decisions", columns=columns, rows=cells)


def _cells(one: Decision) -> Facts:
    after = in_words(one.after) if one.after is not None else ""
    asked_at = f"{one.asked_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return (one.incident, asked_at, _short(one.what), one.answer.value, one.by, after)


def _chart(reviews: Sequence[Review]) -> tuple[Chart, ...]:
    """By runbook, how its incidents ended."""
    if not reviews:
        return ()
    runbooks = [name for name, _ in Counter(one.runbook for one in reviews).most_common(15)]
    outcomes = [outcome for outcome in Outcome if any(one.outcome is outcome for one in reviews)]
    counted = Counter((one.runbook, one.outcome) for one in reviews)
    return (
        Chart(
            name="incidents",
            title="Incidents by runbook and how they ended",
            says=f"{_counted(reviews)}; most of {runbooks[0]}.",
            labels=tuple(runbooks),
            series=tuple(
                Series(name=outcome, values=tuple(float(counted[name, outcome]) for name in runbooks))
                for outcome in outcomes
            ),
        ),
    )


def _day(review: Review) -> str:
    return f"{review.began_at.astimezone(UTC):%Y-%m-%d}"


def _short(text: str) -> str:
    return shorten(text, LONGEST)
