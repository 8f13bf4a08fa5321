"""The lines of a timeline as sentences for who was not there: who did what, when after the alert began."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from models.base import in_words
from models.incident.announcement import Occasion, Sent
from models.incident.incident import Entry, EntryKind, Through
from models.incident.review import Review
from models.people.said import Said, Word

_DIGEST = r"[0-9a-f]{12}"
_NAMED = re.compile(rf"\bplans? ({_DIGEST})(?: \(recommended\))?")
_ALONE = re.compile(rf"\b({_DIGEST})\b")
_CHOSEN_BESIDE = re.compile(rf" \(plan {_DIGEST}\)")

_WAITS = re.compile(r"^waits (?=\d)")

_DID = {
    Word.APPROVE: "approved",
    Word.DENY: "denied",
    Word.ACKNOWLEDGE: "acknowledged it",
    Word.NOTE: "wrote",
    Word.RETRY: "asked to look and act again",
    Word.DONE: "said that it is done",
    Word.CANCEL: "cancelled it",
    Word.PROPOSE: "proposed",
}
_HAPPENED: dict[EntryKind, str] = {
    EntryKind.CONFIRMED: "The alert is true: ",
    EntryKind.CAUSE: "The cause is ",
    EntryKind.VERIFIED: "Verified: ",
    EntryKind.ESCALATED: "A person must go on: ",
    EntryKind.EXPIRED: "A person must go on: ",
}


class Sentences:
    """Knows the plans of one review by their digests, and the names, of services and people, that no
    sentence may begin with a capital instead of."""

    def __init__(self, review: Review) -> None:
        self._began_at = review.began_at
        people = (one.by for one in review.timeline if one.of_a_person and one.by)
        services = (one.plan.service.name for one in review.performed)
        self._names = (review.alert.service, *services, *people)
        self._plans = {one.plan.digest: one.plan.says for one in review.performed}
        for entry in review.timeline:
            self._plans |= entry.asked

    def when(self, moment: datetime) -> str:
        """`T+1 min 15 s (03:16:17)`."""
        return f"T+{in_words(moment - self._began_at)} ({moment.astimezone(UTC):%H:%M:%S})"

    def of(self, entry: Entry) -> str:
        """What happened, or what a person did or said; through which channel, where that was a person."""
        if entry.of_a_person:
            did = _what(entry.said) if entry.said else entry.text
            return self.sentence(f"{person(entry)} {self.plainly(did)}", named=True)
        if entry.sent:
            return self.sentence(_told(entry.sent))
        if entry.asked:
            return self.sentence(f"asks for approval: {'; or '.join(entry.asked.values())}")
        if words := _HAPPENED.get(entry.kind):
            return self.sentence(words + self.plainly(entry.text.removeprefix(entry.kind.start)))
        return self.sentence(self.plainly(_WAITS.sub("waits at most ", entry.text)))

    def sentence(self, text: str, *, named: bool = False) -> str:
        """With a capital, unless it begins with a name, and with its end."""
        if not named and not text.startswith(self._names):
            text = text[:1].upper() + text[1:]
        return text if text.endswith((".", "!", "?", ":", "…")) else f"{text}."

    def plainly(self, text: str) -> str:
        """What each plan does, in place of its digest."""
        text = _CHOSEN_BESIDE.sub("", text)
        text = _NAMED.sub(lambda found: self._quoted(found[1]) or "another plan", text)
        return _ALONE.sub(lambda found: self._quoted(found[1]) or found[1], text)

    def _quoted(self, digest: str) -> str:
        return f"“{self._plans[digest]}”" if digest in self._plans else ""


def _told(sent: Sent) -> str:
    late = f", {in_words(sent.late)} after the first try" if sent.late else ""
    through = f"through {', '.join(sent.through)}{late}"
    match sent.occasion:
        case Occasion.PAGE:
            return f"Paged {sent.role} {through}"
        case Occasion.APPROVAL:
            return f"Asked {sent.role} for a decision {through}"
        case Occasion.RESOLVED:
            return f"Told {sent.role} {through} that it is over"
        case _:
            return f"Told {sent.role} {through}: {sent.title}"


def _what(said: Said) -> str:
    """What a person did, after the name."""
    if said.word is Word.NOTE and not said.text:
        return "sent an empty note"
    did = f"{_DID[said.word]} {said.about}" if said.about else _DID[said.word]
    if said.refused:
        did = f"sent “{said.word}”, which did not count ({said.refused})"
    return f"{did}: {said.text}" if said.text else did


def person(entry: Entry) -> str:
    """The name, and the channel; what came as a raw signal may name anybody."""
    if entry.by.endswith(entry.through.value):
        return entry.by
    name = entry.by or "somebody"
    unsure = ", who may be anybody" if entry.through is Through.TEMPORAL_UI and entry.by else ""
    return f"{name} (through {entry.through.value}{unsure})"
