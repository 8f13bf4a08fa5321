"""One proposal as an incident keeps and shows it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from models.base import Model


class Became(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    """It is looked at, or asked about."""
    ACTED = "being verified"
    VERIFIED = "verified"
    FAILED = "failed"
    UNPROVED = "not verified"
    """It was done, and a person ended the incident before that was proved."""
    DENIED = "denied"
    NOT_DONE = "not done"
    """Nothing came of it: `why` says the reason."""

    @property
    def is_open(self) -> bool:
        return self in (Became.OPEN, Became.ACTED)


class ProposalLine(Model):
    """Who proposed what, when, and what became of it."""

    id: str
    by: str
    of_program: bool = False
    """By a program, which may approve nothing."""
    action: str
    """The kind of the action."""
    service: str
    settings: dict[str, int | str] = {}
    text: str = ""
    """Why, in the proposer's words."""
    content: str
    """The digest of action, service and settings."""
    at: datetime
    became: Became = Became.OPEN
    why: str = ""

    @property
    def who(self) -> str:
        """The proposer, as people read it; the name alone of a person."""
        return f"{self.by} (a program)" if self.of_program else self.by

    @property
    def says(self) -> str:
        """`scale-out of web (to 3)`."""
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return f"{self.action} of {self.service}{f' ({settings})' if settings else ''}"


def open_of(lines: Iterable[ProposalLine]) -> ProposalLine | None:
    """The one that is to be carried out, or is being."""
    return next((one for one in lines if one.became.is_open), None)
