"""What a person did or said to an incident, in parts: the line and the sentence are made of them."""

from __future__ import annotations

from enum import StrEnum

from models.base import Model


class Word(StrEnum):
    """What people do and say."""

    APPROVE = "approve"
    DENY = "deny"
    ACKNOWLEDGE = "acknowledge"
    NOTE = "note"
    RETRY = "retry"
    DONE = "done"
    CANCEL = "cancel"
    PROPOSE = "propose"


_LINES = {Word.ACKNOWLEDGE: "acknowledged", Word.CANCEL: "cancelled", Word.PROPOSE: "proposed"}


class Said(Model):
    """One message of a person, and what became of it."""

    word: Word
    about: str = ""
    """Which plan was decided on, and instead of which."""
    refused: str = ""
    """Why it did not count."""
    text: str = ""
    """The person's own words."""
    plan: str = ""
    """The plan that was approved, by digest; empty for a denial, which refuses all."""
    decides: bool = False
    """Whether it was the answer to a question."""

    @property
    def line(self) -> str:
        """As the timeline has it."""
        what = _LINES.get(self.word, self.word)
        if self.refused:
            what = f"{self.word} did not count ({self.refused})"
        elif self.about:
            what = f"{what} {self.about}" if self.word is Word.PROPOSE else f"{self.word} of {self.about}"
        return f"{what}: {self.text}" if self.text else what
