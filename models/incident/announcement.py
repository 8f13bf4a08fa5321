"""A message to people, and which channels delivered it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from models.base import Model
from models.names import Severity

LONGEST_DELIVERY = timedelta(minutes=10)
"""Longer than all channels of a role take: a minute each at most, and five while they are busy."""


class Occasion(StrEnum):
    """Why somebody is told. PagerDuty opens on the first two, and resolves on the last."""

    PAGE = "page"
    APPROVAL = "approval"
    NOTICE = "notice"
    RESOLVED = "resolved"


class Paged(Model):
    """A page that a channel has, or may have, of one role."""

    channel: str
    role: str


class Announcement(Model):
    """One message to one rung. The text is plain; each channel formats it for itself."""

    incident: str
    run_id: str
    occasion: Occasion
    severity: Severity
    role: str
    title: str
    text: str
    link: str = ""
    link_says: str = "Open the incident"
    first_of: tuple[str, ...] = ()
    """Channels of the rung, in order: the first that accepts it ends the search."""
    also_to: tuple[str, ...] = ()
    """Channels that get it in any case."""
    within: timedelta | None = None
    """Busy channels are tried again for so long at most; None for as long as each of them says."""
    ends: tuple[Paged, ...] = ()
    """Pages that are over with it. A channel that keeps a page open closes each of its own."""

    def ends_at(self, channel: str) -> tuple[str, ...]:
        """The roles whose pages are over in this channel."""
        return tuple(page.role for page in self.ends if page.channel == channel)


class Receipt(Model):
    """Whether one channel delivered it."""

    channel: str
    delivered: bool
    why: str = ""
    final: bool = False
    """Trying again soon does not help: it is not configured, its secret is not set, or it refuses."""


class Delivered(Model):
    """All receipts of one announcement. `reached` is false when no channel of the rung took it."""

    receipts: tuple[Receipt, ...]
    reached: bool

    @property
    def hopeless(self) -> bool:
        """Whether no channel would take it if it were sent again."""
        return not self.reached and bool(self.receipts) and all(one.final for one in self.receipts)
