"""What was known when the cause was named, and what was read again after the repair.

An incident keeps the newest reading of each look; of an earlier one, the words that pointed to the cause.
"""

from __future__ import annotations

import re
from datetime import datetime

from activities.review.facts.by_hand import by_hand
from activities.review.facts.order import known_by
from models.incident.incident import EntryKind, EvidenceLine
from models.incident.review import Review


class Readings:
    """The evidence of one review, before and after the repair began."""

    def __init__(self, review: Review) -> None:
        self.named_at = _named_at(review)
        self.known_by = known_by(review)
        """What was read later was not known when the cause was named; None where that was not kept."""
        confirmed = (one.text for one in review.timeline if one.kind is EntryKind.CONFIRMED)
        self._confirmed = next(confirmed, "")
        self.repair = _repair_began(review, self.named_at)
        self.after_what = "the repair began"
        if not self.repair and review.handed_to:
            self.repair, self.after_what = (
                self.named_at,
                "the cause was named, and handed to another incident",
            )
        found = [one for one in review.evidence if one.applies]
        self.after = [one for one in found if one.at and self.repair and one.at > self._known_or(self.repair)]
        self.before = [one for one in found if one not in self.after]
        self.late = [one for one in self.before if one.at and self.known_by and one.at > self.known_by]
        """Those before the repair that were read after the cause was named."""
        self.pointed = _parts(review.pointing, [one.name for one in review.evidence])
        again = [one.name for one in (*self.late, *self.after)]
        self.earlier = {name: reason for name, reason in self.pointed.items() if name in again}
        """What pointed to the cause, of the looks that were read again since."""
        self.lost = [name for name in again if name not in self.earlier]
        """The looks of which only the later reading is kept."""

    def _known_or(self, moment: datetime) -> datetime:
        """The later of the two: what was known is of before, whatever two clocks say."""
        return max(moment, self.known_by or moment)

    def known_then(self, name: str) -> str:
        """What this look said when the cause was named; empty where that is not kept."""
        by_name = {one.name: one.reason for one in self.before} | self.earlier
        return by_name.get(name, "")

    def wrong_then(self) -> list[tuple[str, str]]:
        """What was wrong when the cause was named, by look."""
        later = [one.name for one in self.late if one.name in self.lost]
        bad: list[EvidenceLine] = [one for one in (*self.before, *self.after) if one.finding == "bad"]
        known = [one.name for one in bad if one.name not in later]
        return [(name, was) for name in known if (was := self.known_then(name))]

    def wrong_beside(self) -> dict[str, str]:
        """What was wrong then, and does not point to the cause; what the alert tells of apart."""
        beside = [one for one in self.wrong_then() if one[0] not in self.pointed]
        if not self.pointed:
            return {"What was wrong": _listed(beside)} if beside else {}
        alerted = [one for one in beside if self._confirmed.endswith(one[1])]
        others = [one for one in beside if one not in alerted]
        titles = {"What the alert tells of": alerted, "Bad as well, and no sign of this cause": others}
        return {title: _listed(of) for title, of in titles.items() if of}

    def wrong_since(self) -> list[str]:
        """The looks that are known to be bad only by what was read since the cause was named."""
        since = (*self.late, *self.after)
        return [one.name for one in since if one.finding == "bad" and one.name in self.lost]


def _listed(wrong: list[tuple[str, str]]) -> str:
    return "; ".join(f"{name}: {was}" for name, was in wrong)


def _named_at(review: Review) -> datetime | None:
    return max((one.at for one in review.timeline if one.kind is EntryKind.CAUSE), default=None)


def _repair_began(review: Review, named_at: datetime | None) -> datetime | None:
    """The first that was done, by the product or by hand, since the cause was named."""
    acted = [one.started_at for one in review.performed if (one.done or one.lost) and not one.dry_run]
    moments = (*acted, *(one.at for one in by_hand(review)))
    return min((one for one in moments if named_at is None or one >= named_at), default=None)


def _parts(pointing: str, names: list[str]) -> dict[str, str]:
    """`process: exited; port: taken` by look."""
    if not names:
        return {}
    either = "|".join(map(re.escape, names))
    found = re.split(rf"(?:^|; )({either}): ", pointing)
    return dict(zip(found[1::2], found[2::2], strict=True))
