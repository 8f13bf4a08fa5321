"""The timeline of an incident: what happened, when, by whom and through which channel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import accumulate

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.announcement import Sent
    from models.incident.incident import Decision, Entry, EntryKind, Phase, Spoken, Through, Verdict
    from models.incident.review import Began, Doing
    from models.people.said import Said, Word

RAW = "somebody in the Temporal UI (raw)"
"""Who sent a message that nobody vouches for."""
MOST_ENTRIES = 500
LONGEST = 2000
LONGEST_NAME = 300
ROOM = 800_000
"""Bytes of all lines, as JSON: with all else in it, the review must still be one payload of Temporal."""
KEPT_OF_BEGINNING, KEPT_OF_END = 100_000, 200_000
"""Bytes of the lines that a new run of the same incident is handed."""
MOST_KEPT = 100
"""Lines of the beginning, and of the end."""
MOST_PHASES = 1000
"""Changes of what an incident does; after them only that it has ended."""
FULL = "the timeline is full: later entries are only in the workflow's history"


class Timeline:
    """The running record of one incident, with its clock; the review prints it."""

    def __init__(
        self, now: Callable[[], datetime] = workflow.now, grew: Callable[[], None] = lambda: None
    ) -> None:
        self.now = now
        self.entries: list[Entry] = []
        self.first_word_at: datetime | None = None
        """When a person first did or said something: that is the response to the alert."""
        self.phases: tuple[Began, ...] = (Began(at=now(), doing=Doing.CHECKING),)
        """What the incident did from when on; none where an earlier version began it."""
        self._in_phase = Doing.CHECKING
        self._grew = grew
        self._room = ROOM
        self._full = False

    def add(
        self,
        text: str,
        by: str = "runbook",
        through: Through = Through.PRODUCT,
        kind: EntryKind = EntryKind.EVENT,
        sent: Sent | None = None,
        asked: Mapping[str, str] | None = None,
        said: Said | None = None,
    ) -> None:
        """Write one line, stamped with the clock; what it is about goes with it, for the review."""
        entry = Entry(
            at=self.now(),
            text=f"{kind.start}{text}"[:LONGEST],
            by=by[:LONGEST_NAME],
            through=through,
            kind=kind,
            sent=sent,
            asked=dict(asked or {}),
            said=said,
        )
        if entry.of_a_person:
            self.first_word_at = self.first_word_at or entry.at
        self._room -= _size(entry)
        if self._full:
            return
        if self._room < 0 or len(self.entries) == MOST_ENTRIES - 1:
            self._full = True
            entry = Entry(at=self.now(), text=FULL)
        self.entries.append(entry)
        self._grew()

    def enters(self, phase: Phase) -> None:
        """What is done from now on follows from the phase, until it waits."""
        self._in_phase = Doing.of(phase)
        self._does(self._in_phase)

    def waits(self, doing: Doing) -> None:
        """From now on the incident waits; a phase that it enters ends that as well."""
        self._does(doing)

    def goes_on(self) -> None:
        """It waits no more, and is in the phase in which it began to."""
        self._does(self._in_phase)

    def _does(self, doing: Doing) -> None:
        """What passed at once took no time, and is left out."""
        if not self.phases:
            return
        now = self.now()
        before = tuple(one for one in self.phases if one.at < now)
        if doing is not Doing.ENDED and len(before) >= MOST_PHASES:
            doing = Doing.UNKNOWN
        same = before and before[-1].doing is doing
        self.phases = before if same else (*before, Began(at=now, doing=doing))

    def so_far(self) -> tuple[Entry, ...]:
        """The first and the newest lines; what stood between them is in the history of this run."""
        first = _fitting(self.entries, KEPT_OF_BEGINNING)
        newest = _fitting(self.entries[len(first) :][::-1], KEPT_OF_END)[::-1]
        left_out = len(self.entries) - len(first) - len(newest)
        if not left_out:
            return tuple(self.entries)
        text = f"{left_out} lines that stood here are in the history of run {workflow.info().run_id}"
        return (*first, Entry(at=newest[0].at, text=text), *newest)

    def resume(self, entries: Sequence[Entry], phases: tuple[Began, ...], phase: Phase) -> None:
        """Go on after these lines, in this phase."""
        self.entries, self.phases, self._in_phase = list(entries), phases, Doing.of(phase)
        self._room = ROOM - sum(map(_size, entries))

    def spoken(self, word: Word, words: Spoken, *, about: str = "", refused: str = "") -> None:
        """Write what a person did or said: about what, or why it did not count."""
        self._said(Said(word=word, about=about, refused=refused[:LONGEST], text=words.text[:LONGEST]), words)

    @property
    def retried_at(self) -> datetime | None:
        """When a person last asked to look and act again; None where nobody did."""
        asked = (one for one in reversed(self.entries) if one.said and one.said.word is Word.RETRY)
        return next((one.at for one in asked if one.said and not one.said.refused), None)

    def decided(self, decision: Decision, about: str) -> None:
        """Write the answer to a question: which plan was approved, or that all are refused."""
        word, text = Word(decision.verdict), decision.text[:LONGEST]
        plan = decision.plan if decision.verdict is Verdict.APPROVE else ""
        self._said(Said(word=word, about=about, text=text, plan=plan, decides=True), decision)

    def _said(self, said: Said, words: Spoken) -> None:
        by = f"{who(words)}, {words.claim}" if words.claim else who(words)
        line = f"{by} (a program) {said.line}" if words.through is Through.PROGRAM else said.line
        self.add(line, by=by, through=words.through, said=said)


def in_one_line(entry: Entry) -> str:
    """For a message: when, what, and who said it, where a person did."""
    by = f" ({entry.by}, through {entry.through})" if entry.of_a_person else ""
    return f"{entry.at:%H:%M:%S} UTC {entry.text}{by}"


def _size(entry: Entry) -> int:
    return len(entry.model_dump_json().encode())


def _fitting(entries: Sequence[Entry], room: int) -> list[Entry]:
    """As many as fit, and at least one."""
    sizes = accumulate(map(_size, entries))
    most = max(1, sum(1 for size in sizes if size <= room))
    return list(entries[: min(most, MOST_KEPT)])


def who(words: Spoken) -> str:
    """The name of the person; nobody's, for a message that nobody vouches for."""
    return words.signed_as[:LONGEST_NAME] or RAW
