"""What happened, to the second, with who and through what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident import Entry, Spoken, Through

MOST_ENTRIES = 500
LONGEST = 2000
"""Characters of one line: with all its lines, the review must still be one payload of Temporal."""
FULL = f"more than {MOST_ENTRIES} things happened: what follows stands in the workflow's history alone"


class Timeline:
    """The running record of one incident, with its clock; the review prints it."""

    def __init__(
        self, now: Callable[[], datetime] = workflow.now, grew: Callable[[], None] = lambda: None
    ) -> None:
        self.now = now
        self.entries: list[Entry] = []
        self._grew = grew

    def add(self, text: str, by: str = "runbook", through: Through = Through.PRODUCT) -> None:
        """Write one line, stamped with the clock."""
        if len(self.entries) == MOST_ENTRIES:
            return
        if len(self.entries) == MOST_ENTRIES - 1:
            text, by, through = FULL, "runbook", Through.PRODUCT
        self.entries.append(Entry(at=self.now(), text=text[:LONGEST], by=by[:LONGEST], through=through))
        self._grew()

    def spoken(self, what: str, words: Spoken) -> None:
        """Write what a person did or said."""
        text = f"{what}: {words.text}" if words.text else what
        self.add(text, by=who(words), through=words.through)


def who(words: Spoken) -> str:
    """The name of the person; the Temporal UI knows none."""
    return words.by or f"somebody through {words.through}"
