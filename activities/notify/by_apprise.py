"""E-mail, and everything else that apprise can reach, by an apprise address.

apprise calls its services with blocking sockets in a thread. When the time-out of the channel is
over it is no longer waited for, and its answer, should one come, is dropped.

The mails of one incident refer to the same message ID (RFC 5322, 3.6.4), so that mail programs show them as
one conversation. That message is never sent: who gets the second mail only has the same conversation.
"""

from __future__ import annotations

import copy
import re

import apprise
from apprise.plugins.base import NotifyBase
from apprise.plugins.email import NotifyEmail

from activities.notify.channel import ChannelBusy, ChannelDown, ChannelRefused
from activities.notify.post import may_pass
from activities.notify.wording import one_line, paragraph, without_mentions
from models.incident.announcement import Announcement, Occasion

_LONGEST_TITLE = 200
_LONGEST_TEXT = 10_000
_BETWEEN = 16
"""Characters that separate title, text and links."""
_LONGEST_ID = 45
"""With the rest of it a header stays on one line."""
_NOT_IN_AN_ID = re.compile(r"[^A-Za-z0-9-]+")
_STATUS = re.compile(r"error=([1-5][0-9]{2})\b")

_TYPES = {
    Occasion.PAGE: apprise.NotifyType.FAILURE,
    Occasion.APPROVAL: apprise.NotifyType.WARNING,
    Occasion.NOTICE: apprise.NotifyType.INFO,
    Occasion.RESOLVED: apprise.NotifyType.SUCCESS,
}


def service(address: str) -> NotifyBase | None:
    """The service behind an apprise address; None for one that apprise cannot read."""
    return apprise.Apprise.instantiate(address, asset=apprise.AppriseAsset(secure_logging=True))


def mailbox(address: str) -> NotifyBase | None:
    """The same for `mailto://` and `mailtos://` only."""
    found = service(address)
    return found if isinstance(found, NotifyEmail) else None


class AppriseService:
    """One service of apprise, as `service` or `mailbox` found it."""

    keeps_pages_open = False

    def __init__(self, name: str, service: NotifyBase) -> None:
        self.name = name
        self._kind = str(service.service_name)
        self._service = service
        self._busy = ChannelBusy if len(service) <= 1 else ChannelDown
        """Of several targets some may have taken it: they must not get it again at once."""

    async def deliver(self, announcement: Announcement) -> None:
        title = one_line(announcement.title, _LONGEST_TITLE)
        links = "\n".join(f"{one.says}: {one.address}" for one in announcement.links)
        body = paragraph(announcement.text, self._room(title, links))
        if not isinstance(self._service, NotifyEmail):  # in e-mail an `@` mentions nobody
            title, body = without_mentions(title), without_mentions(body)
        outcome = await apprise.Apprise(self._about(announcement)).async_notify(
            title=title,
            body="\n\n".join(filter(None, (body, links))),
            notify_type=_TYPES[announcement.occasion],
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not outcome:
            raise self._failure("\n".join(entry.message for entry in outcome.logs()))

    def _room(self, title: str, links: str) -> int:
        """Characters for the text: apprise sends what is too long as it is, and the service refuses it or
        cuts its end. Half of what there is at least: what a person may do stands in it."""
        most = min(_LONGEST_TEXT, self._service.body_maxlen)
        return max(most // 2, most - len(title) - len(links) - _BETWEEN)

    def _about(self, announcement: Announcement) -> NotifyBase:
        """The service; of mail one that writes into the conversation of this incident."""
        if not isinstance(self._service, NotifyEmail):
            return self._service
        conversation = f"<{_NOT_IN_AN_ID.sub('-', announcement.run_id)[:_LONGEST_ID]}@durable-runbooks>"
        mail = copy.copy(self._service)
        mail.headers = {**mail.headers, "In-Reply-To": conversation, "References": conversation}
        return mail

    def _failure(self, told: str) -> ChannelDown:
        """By what apprise logged. Nothing of that is repeated but a status: it may name an address."""
        if found := _STATUS.search(told):
            kind = self._busy if may_pass(int(found[1])) else ChannelRefused
            return kind(f"{self._kind} answered {found[1]} (through apprise)")
        if "connection error" in told.lower():
            return self._busy(f"cannot connect to {self._kind} (through apprise)")
        return ChannelDown(f"{self._kind} did not accept it (through apprise)")
