"""Where the time of an incident went: what it did from when to when, in seconds after its alert began.

In whole ones, but for what was over within ten.

Neighbours share their edge, so that the parts always add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

from activities.review.facts.order import MOST, in_order
from activities.review.left_to_do import NOT_PROVED
from models.actions.approved_by import REVERTED
from models.incident.incident import Entry, EntryKind
from models.incident.review import Began, Doing, Review
from models.people.said import Word

_BEGINS: Mapping[EntryKind, Doing] = {
    EntryKind.CONFIRMED: Doing.DIAGNOSING,
    EntryKind.VERIFIED: Doing.CLOSING,
    EntryKind.ESCALATED: Doing.PERSON,
    EntryKind.EXPIRED: Doing.PERSON,
}
_BEGIN_WITH = {
    "gathers evidence again": Doing.CHECKING,
    "paused: ": Doing.PAUSED,
    "goes on after ": Doing.CHECKING,
    "waits ": Doing.WATCHING,
}
"""How the product's own lines begin, in reviews that know no phases."""


_SHORT = timedelta(seconds=10)
"""Below it tenths of a second are told."""
_LOOKING = (Doing.CHECKING, Doing.DIAGNOSING)


class Stretch(NamedTuple):
    """One thing that the incident did, in seconds after the alert began."""

    doing: Doing
    begins: float
    ends: float

    @property
    def took(self) -> timedelta:
        return timedelta(seconds=self.ends - self.begins)

    def before(self, moment: float) -> timedelta:
        """How much of it was over by then."""
        return timedelta(seconds=max(0, min(self.ends, moment) - self.begins))


class WhereTimeWent:
    """The stretches of one review, from its alert to its end."""

    def __init__(self, review: Review) -> None:
        self.recorded = bool(review.phases)
        """Else they are read from the lines of the timeline."""
        phases = review.phases or tuple(_from_timeline(review))
        self._began_at = phases[0].at - review.detected_after
        self._tenths = max(one.at for one in phases) - self._began_at < _SHORT
        phases = _not_before_its_evidence(review, phases)
        self.stretches = tuple(self._stretches(_with_a_person(phases, self._first_word(review))))
        self.whole = self.stretches[-1].ends if self.stretches else 0
        """Seconds from the alert to the end."""
        proved = review.outcome not in NOT_PROVED
        self.well = min(self.whole, self._second(self._began_at + review.resolved_after)) if proved else None
        """When it was well again; None where that was not proved."""

    def second(self, moment: datetime) -> float:
        """Of this moment, within the whole."""
        return max(0, min(self.whole, self._second(moment)))

    def by_phase(self) -> Mapping[Doing, tuple[timedelta, timedelta]]:
        """How long each took in all, and how much of that before it was well again."""
        sums: dict[Doing, tuple[timedelta, timedelta]] = {}
        until = self.whole if self.well is None else self.well
        for one in self.stretches:
            took, before = sums.get(one.doing, (timedelta(), timedelta()))
            sums[one.doing] = (took + one.took, before + one.before(until))
        return sums

    def _second(self, moment: datetime) -> float:
        seconds = (moment - self._began_at).total_seconds()
        return round(seconds, 1) if self._tenths else round(seconds)

    def _first_word(self, review: Review) -> datetime | None:
        return None if review.responded_after is None else self._began_at + review.responded_after

    def _stretches(self, phases: Iterable[Began]) -> Iterator[Stretch]:
        """Without those that are shorter than what is told apart."""
        edges = [Began(at=self._began_at, doing=Doing.COMING_IN), *phases]
        seconds = accumulate((self._second(one.at) for one in edges), max)
        parts = (Stretch(one.doing, *edge) for one, edge in zip(edges, pairwise(seconds), strict=False))
        for doing, same in groupby((one for one in parts if one.ends > one.begins), lambda one: one.doing):
            first, *more = same
            yield Stretch(doing, first.begins, more[-1].ends if more else first.ends)


def _not_before_its_evidence(review: Review, phases: tuple[Began, ...]) -> tuple[Began, ...]:
    """What followed from the cause began no earlier than what named it was read: the clock of a workflow
    stands meanwhile, so the time of the looks would count as that of the repair."""
    lines = in_order(review).timeline
    named = [one.at for one in lines if one.kind is EntryKind.CAUSE]
    if len(named) != 1:
        return phases
    last = max((place for place, one in enumerate(phases) if one.doing in _LOOKING), default=-1)
    looked, acted = phases[: last + 1], phases[last + 1 :]
    if not acted or not timedelta() < named[0] - acted[0].at <= MOST:
        return phases
    true = next((one.at for one in lines if one.kind is EntryKind.CONFIRMED), named[0])
    looked = looked or (Began(at=acted[0].at, doing=Doing.CHECKING),)
    if looked[-1].at <= true < named[0]:
        looked = (*looked, Began(at=true, doing=Doing.DIAGNOSING))
    return (*looked, *(one.model_copy(update={"at": max(one.at, named[0])}) for one in acted))


def _with_a_person(phases: Iterable[Began], first_word: datetime | None) -> Iterator[Began]:
    """Until the first word of anybody it waits for a person; from then on a person has it."""
    for one, following in pairwise((*phases, None)):
        assert one is not None, "only the last has nothing that follows it"  # noqa: S101
        if one.doing is not Doing.PERSON or (first_word and first_word <= one.at):
            yield one
            continue
        yield one.model_copy(update={"doing": Doing.NOBODY})
        if first_word and following and first_word < following.at:
            yield Began(at=first_word, doing=Doing.PERSON)


def _from_timeline(review: Review) -> Iterator[Began]:
    """Of a review that an earlier version wrote: as far as its lines and its plans tell."""
    first = review.timeline[0].at if review.timeline else review.began_at
    received = (review.began_at if review.detected_after else min(review.began_at, first)) + (
        review.detected_after
    )
    told = [Began(at=one.at, doing=doing) for one in review.timeline if (doing := _told(one))]
    for done in review.performed:
        if done.approved_by != REVERTED:
            after = Doing.VERIFYING if done.done and not done.dry_run else Doing.DIAGNOSING
            told += [Began(at=done.started_at, doing=Doing.ACTING), Began(at=done.finished_at, doing=after)]
    told.sort(key=lambda one: one.at)
    last = review.timeline[-1].at if review.timeline else received
    ended = max(last, received, received - review.detected_after + review.resolved_after)
    yield Began(at=received, doing=Doing.CHECKING)
    yield from (one for one in told if received < one.at < ended)
    yield Began(at=ended, doing=Doing.ENDED)


def _told(entry: Entry) -> Doing | None:
    """What begins with a line; None for most."""
    if entry.of_a_person or entry.said:
        approved = entry.said and entry.said.decides and entry.said.word is Word.APPROVE
        return Doing.ACTING if approved else None
    if entry.asked:
        return Doing.DECISION
    if doing := _BEGINS.get(entry.kind):
        return doing
    return next((doing for start, doing in _BEGIN_WITH.items() if entry.text.startswith(start)), None)
