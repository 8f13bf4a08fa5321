"""E-mail, and everything else that apprise can reach, by an apprise address.

apprise calls its services with blocking sockets in a thread. When the time-out of the channel is
over it is no longer waited for, and its answer, should one come, is dropped.
"""

from __future__ import annotations

import apprise
from apprise.plugins.base import NotifyBase
from apprise.plugins.email import NotifyEmail

from activities.notify.channel import ChannelDown
from activities.notify.wording import one_line, paragraph, without_mentions
from models.incident.announcement import Announcement, Occasion

_LONGEST_TITLE = 200
_LONGEST_TEXT = 10_000

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
        self._mails = isinstance(service, NotifyEmail)
        self._apprise = apprise.Apprise(service)

    async def deliver(self, announcement: Announcement) -> None:
        title = one_line(announcement.title, _LONGEST_TITLE)
        body = paragraph(announcement.text, _LONGEST_TEXT)
        if not self._mails:  # in e-mail an `@` mentions nobody
            title, body = without_mentions(title), without_mentions(body)
        delivered = await self._apprise.async_notify(
            title=title,
            body="\n\n".join(filter(None, (body, announcement.link))),
            notify_type=_TYPES[announcement.occasion],
            body_format=apprise.NotifyFormat.TEXT,
        )
        if not delivered:
            raise ChannelDown(f"{self._kind} did not accept it (through apprise)")
