"""The timeline of an incident: what happened, when, by whom and through which channel."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Entry, Spoken, Through

MOST_ENTRIES = 500
LONGEST = 2000
LONGEST_NAME = 200
ROOM = 800_000
"""Bytes of all lines, as JSON: with all else in it, the review must still be one payload of Temporal."""
FULL = "the timeline is full: later entries are only in the workflow's history"


class Timeline:
    """The running record of one incident, with its clock; the review prints it."""

    def __init__(
        self, now: Callable[[], datetime] = workflow.now, grew: Callable[[], None] = lambda: None
    ) -> None:
        self.now = now
        self.entries: list[Entry] = []
        self._grew = grew
        self._room = ROOM
        self._full = False

    def add(self, text: str, by: str = "runbook", through: Through = Through.PRODUCT) -> None:
        """Write one line, stamped with the clock."""
        entry = Entry(at=self.now(), text=text[:LONGEST], by=by[:LONGEST_NAME], through=through)
        self._room -= len(entry.model_dump_json().encode())
        if self._full:
            return
        if self._room < 0 or len(self.entries) == MOST_ENTRIES - 1:
            self._full = True
            entry = Entry(at=self.now(), text=FULL)
        self.entries.append(entry)
        self._grew()

    def spoken(self, what: str, words: Spoken) -> None:
        """Write what a person did or said."""
        text = f"{what}: {words.text}" if words.text else what
        self.add(text, by=who(words), through=words.through)


def who(words: Spoken) -> str:
    """The name of the person; the Temporal UI knows none."""
    return words.by[:LONGEST_NAME] or f"somebody through {words.through}"
