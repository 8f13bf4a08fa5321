"""Why a steward refuses to act: one typed reason, and what lifts it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from models.base import Model


class RefusalReason(StrEnum):
    SUSPENDED = "suspended"
    """Somebody threw the kill switch."""
    MAINTENANCE = "maintenance"
    """A maintenance window is on."""
    SWITCH_UNREADABLE = "kill switch unreadable"
    NOT_HELD = "not held"
    """The incident does not hold the service any more."""
    BLOCKED = "blocked"
    """Too many plans failed within an hour."""
    RESTARTS = "restarts used up"
    """Its restarts of this hour are used."""
    COOLDOWN = "cooldown"
    """The same was done a moment ago."""
    BACK_OFF = "back-off"
    """The attempt before failed a moment ago."""
    DENIED = "denied"
    """A person denied the same plan."""

    @property
    def passes(self) -> bool:
        """Whether it is a limit of the service that time lifts: an incident waits for it."""
        limits = (
            RefusalReason.BLOCKED,
            RefusalReason.RESTARTS,
            RefusalReason.COOLDOWN,
            RefusalReason.BACK_OFF,
        )
        return self in limits


class Refusal(Model):
    """One refusal, in words, with its end."""

    reason: RefusalReason
    why: str
    lifted_by: str
    """What lifts it, such as `at 04:40:00 UTC, or by starter.py service unblock backend`."""
    until: datetime | None = None
    """When time lifts it; None where only a person does."""
    by: str = ""
    """The person who denied it."""

    @property
    def paused(self) -> bool:
        """Whether it is refused only as long as a maintenance window, or the kill switch, is on."""
        return self.reason in (RefusalReason.SUSPENDED, RefusalReason.MAINTENANCE)

    @property
    def says(self) -> str:
        return f"{self.why}; lifted {self.lifted_by}"
