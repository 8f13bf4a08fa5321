"""An incident in short, as one message shows it that is edited while the incident goes on."""

from __future__ import annotations

from datetime import datetime

from models.base import Model


class Choice(Model):
    """A plan that may be approved."""

    digest: str
    says: str
    details: str
    """Why, its risk, its steps with what they change, and how they are undone."""
    recommended: bool


class InShort(Model):
    """What a person must know, and may answer."""

    version: int = 0
    """Rises with each message: an older one never overwrites a newer."""
    title: str
    since: datetime
    phase: str
    said: str = ""
    """The alert's own words."""
    cause: str = ""
    found: tuple[str, ...] = ()
    """What is not well, a line each."""
    done: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    """What may be approved, the recommended one first."""
    until: datetime | None = None
    """When the question expires."""
    next: str = ""
    """Who is paged next, while nobody has it."""
    acknowledged_by: str = ""
    dry_run: str = ""
    outcome: str = ""
    """The end in a sentence; empty while it is open."""
    happened: tuple[str, ...] = ()
    """The lines of the timeline since the last message."""
