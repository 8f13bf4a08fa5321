"""A message to people, and which channels delivered it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from models.base import Model
from models.names import Severity
from models.telling.in_short import InShort

LONGEST_DELIVERY = timedelta(minutes=10)
"""Longer than all channels of a role take: a minute each at most, and five while they are busy."""


class Occasion(StrEnum):
    """Why somebody is told. PagerDuty opens on the first two, and resolves on the last."""

    PAGE = "page"
    APPROVAL = "approval"
    NOTICE = "notice"
    RESOLVED = "resolved"
    PROGRESS = "progress"
    """What happened since; only for channels whose message is edited as the incident goes on."""

    @property
    def wakes(self) -> bool:
        """Whether somebody is paged by it, or asked."""
        return self in (Occasion.PAGE, Occasion.APPROVAL)


class Link(Model):
    """What a reader can open, and its address."""

    says: str
    address: str


class Addresses(Model):
    """Where people reach the product, as the configuration says; empty where it does not."""

    intake: str = ""
    temporal_ui: str = ""

    def of_incident(self, incident: str, run_id: str, namespace: str) -> tuple[Link, ...]:
        """One incident, in each place that shows it."""
        alert, _, service = incident.partition("/")
        page = self._at_the_intake("incident", f"incidents/{_part(alert)}/{_part(service)}")
        return (*page, *self.of_run("incident", incident, run_id, namespace))

    def of_fleet(self, control_room: str, run_id: str, namespace: str) -> tuple[Link, ...]:
        """The control room, and the list of incidents."""
        return (
            *self._at_the_intake("board", ""),
            *self.of_run("control room", control_room, run_id, namespace),
        )

    def of_run(self, what: str, workflow_id: str, run_id: str, namespace: str) -> tuple[Link, ...]:
        """A run in the Temporal UI."""
        if not self.temporal_ui:
            return ()
        place = f"namespaces/{_part(namespace)}/workflows/{_part(workflow_id)}/{_part(run_id)}"
        return (Link(says=f"Open the {what} in Temporal", address=_below(self.temporal_ui, place)),)

    def _at_the_intake(self, what: str, place: str) -> tuple[Link, ...]:
        if not self.intake:
            return ()
        address = _below(self.intake, place)
        return (Link(says=f"Open the {what}", address=address),)


def _below(address: str, place: str) -> str:
    return f"{address.rstrip('/')}/{place}"


def _part(name: str) -> str:
    return quote(name, safe="")


class Paged(Model):
    """A page that a channel has, or may have, of one role."""

    channel: str
    role: str


class Posted(Model):
    """The message of an incident that a channel has, and that is edited as the incident goes on."""

    channel: str
    place: str
    """Where it is, as the channel itself says."""


class Announcement(Model):
    """One message to one rung. The text is plain; each channel formats it for itself."""

    incident: str
    run_id: str
    occasion: Occasion
    severity: Severity
    role: str
    title: str
    text: str
    links: tuple[Link, ...] = ()
    """Where to read more; the first is the one that a channel with room for one shows."""
    first_of: tuple[str, ...] = ()
    """Channels of the rung, in order: the first that accepts it ends the search."""
    also_to: tuple[str, ...] = ()
    """Channels that get it in any case."""
    plans: tuple[str, ...] = ()
    """What is asked when it is sent, by digest."""
    within: timedelta | None = None
    """Busy channels are tried again for so long at most; None for as long as each of them says."""
    ends: tuple[Paged, ...] = ()
    """Pages that are over with it. A channel that keeps a page open closes each of its own."""
    key: str = ""
    """What tells it from every other message of the incident; the same however often it is tried."""
    again: bool = False
    """Whether it was tried before, and may have arrived."""
    in_short: InShort | None = None
    """The incident as it stands; only for channels whose message is edited."""
    posted: tuple[Posted, ...] = ()
    """The messages to edit."""

    def place_in(self, channel: str) -> str:
        """Where the message of the incident is in this channel; empty before the first."""
        return next((one.place for one in self.posted if one.channel == channel), "")

    def ends_at(self, channel: str) -> tuple[str, ...]:
        """The roles whose pages are over in this channel."""
        return tuple(page.role for page in self.ends if page.channel == channel)


class Sent(Model):
    """A message that arrived, as a timeline keeps it."""

    occasion: Occasion
    role: str
    through: tuple[str, ...]
    title: str
    late: timedelta | None = None
    """How long after the first try; None where that one arrived."""


class NextRung(Model):
    """The next page of the ladder, as it stands: an acknowledgement, a pause and a recovery change it."""

    role: str
    at: datetime
    """It may be past while a repair is being proved: then the page waits for the end of the proof."""
    person: str = ""
    """Whom the configuration names for the first channel of this role that reaches one person."""
    again: bool = False
    """Whether this role was paged before, and is asked once more."""


class Receipt(Model):
    """Whether one channel delivered it."""

    channel: str
    delivered: bool
    why: str = ""
    final: bool = False
    """Trying again soon does not help: it is not configured, its secret is not set, or it refuses."""
    place: str = ""
    """Where the message of the incident is in it, where that one can be edited."""
    stale: bool = False
    """Whether that message could not be edited: it does not show yet what was told."""


class Delivered(Model):
    """All receipts of one announcement. `reached` is false when no channel of the rung took it."""

    receipts: tuple[Receipt, ...]
    reached: bool
    left_open: tuple[str, ...] = ()
    """Channels that did not take the end of a page of theirs, and may take it later."""

    @property
    def hopeless(self) -> bool:
        """Whether no channel would take it if it were sent again."""
        return not self.reached and bool(self.receipts) and all(one.final for one in self.receipts)
