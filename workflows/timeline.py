"""What happened, to the second, with who and through what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident import Entry, Spoken, Through

MOST_ENTRIES = 500


class Timeline:
    """The running record of one incident, with its clock; the review prints it."""

    def __init__(self, now: Callable[[], datetime] = workflow.now) -> None:
        self.now = now
        self.entries: list[Entry] = []

    def add(self, text: str, by: str = "runbook", through: Through = Through.PRODUCT) -> None:
        """Write one line, stamped with the clock."""
        if len(self.entries) < MOST_ENTRIES:
            self.entries.append(Entry(at=self.now(), text=text, by=by, through=through))

    def spoken(self, what: str, words: Spoken) -> None:
        """Write what a person did or said."""
        text = f"{what}: {words.text}" if words.text else what
        self.add(text, by=who(words), through=words.through)


def who(words: Spoken) -> str:
    """The name of the person; the Temporal UI knows none."""
    return words.by or f"somebody through {words.through}"
