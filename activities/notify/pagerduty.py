"""PagerDuty, by its Events API v2.

PagerDuty merges what has one `dedup_key` into the first page, and wakes nobody else for it. So each role
that is paged about an incident has a key of its own, and the end of the incident resolves all of them.
What is only worth a notice is not worth a page.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx

from activities.notify.channel import ChannelDown, NotMeant
from activities.notify.post import post
from activities.notify.wording import one_line, paragraph
from models.incident.announcement import Announcement, Occasion
from models.names import Severity

_LONGEST_SUMMARY = 1024
_LONGEST_TEXT = 4000
_LONGEST_KEY = 255

_SEVERITIES = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "info"}


class PagerDutyEvents:
    keeps_pages_open = True

    def __init__(self, name: str, client: httpx.AsyncClient, url: str, key_of: Callable[[str], str]) -> None:
        """`key_of` gives the routing key of a role, and raises `ChannelUnset` when it is missing."""
        self.name = name
        self._client = client
        self._url = url
        self._key_of = key_of

    async def deliver(self, announcement: Announcement) -> None:
        match announcement.occasion:
            case Occasion.PAGE | Occasion.APPROVAL:
                await self._send(announcement.role, trigger(announcement))
            case Occasion.RESOLVED if announcement.role in announcement.ends_at(self.name):
                await self._send(announcement.role, resolve(announcement, announcement.role))
            case _:
                raise NotMeant

    async def _send(self, role: str, event: dict[str, object]) -> None:
        key = self._key_of(role)
        try:
            await post(self._client, self._url, {"routing_key": key, **event})
        except ChannelDown as down:
            raise down.without(key) from None


def resolve(announcement: Announcement, role: str) -> dict[str, object]:
    """The end of the page of one role, as Events API v2 documents it: it needs nothing but its key."""
    return {"event_action": "resolve", "dedup_key": _key(announcement, role)}


def _key(announcement: Announcement, role: str) -> str:
    """Of a long one the end, which has the run and the role."""
    return f"{announcement.incident}/{announcement.run_id}/{role}"[-_LONGEST_KEY:]


def trigger(announcement: Announcement) -> dict[str, object]:
    """A page, as Events API v2 documents it."""
    alert, _, service = announcement.incident.partition("/")
    links = [{"href": one.address, "text": one.says} for one in announcement.links]
    return {
        "event_action": "trigger",
        "dedup_key": _key(announcement, announcement.role),
        "client": "Durable runbooks",
        **({"client_url": links[0]["href"], "links": links} if links else {}),
        "payload": {
            "summary": one_line(announcement.title, _LONGEST_SUMMARY),
            "source": service or alert,
            "severity": _SEVERITIES[announcement.severity],
            "component": service,
            "class": alert,
            "custom_details": {
                "role": announcement.role,
                "occasion": announcement.occasion.value,
                "text": paragraph(announcement.text, _LONGEST_TEXT),
            },
        },
    }
