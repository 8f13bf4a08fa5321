"""PagerDuty, by its Events API v2.

One incident of ours is one incident of PagerDuty's: every rung sends the same `dedup_key`, and
the end of the incident resolves it. What is only worth a notice is not worth a page.
"""

from __future__ import annotations

import httpx

from activities.notify.channel import ChannelDown, NotMeant
from activities.notify.post import post
from activities.notify.wording import one_line, paragraph
from models.incident.announcement import Announcement, Occasion
from models.names import Severity

_LONGEST_SUMMARY = 1024
_LONGEST_TEXT = 4000
_LONGEST_KEY = 255

_ACTIONS = {
    Occasion.PAGE: "trigger",
    Occasion.APPROVAL: "trigger",
    Occasion.RESOLVED: "resolve",
}
_SEVERITIES = {Severity.CRITICAL: "critical", Severity.WARNING: "warning", Severity.INFO: "info"}


class PagerDutyEvents:
    def __init__(self, name: str, client: httpx.AsyncClient, url: str, routing_key: str) -> None:
        self.name = name
        self._client = client
        self._url = url
        self._routing_key = routing_key

    async def deliver(self, announcement: Announcement) -> None:
        if announcement.occasion not in _ACTIONS:
            raise NotMeant
        try:
            await post(self._client, self._url, event(announcement, self._routing_key))
        except ChannelDown as down:
            raise ChannelDown(str(down).replace(self._routing_key, "***")) from None


def event(announcement: Announcement, routing_key: str) -> dict[str, object]:
    """The event as Events API v2 documents it; a resolve needs nothing but its key."""
    action = _ACTIONS[announcement.occasion]
    envelope: dict[str, object] = {
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": f"{announcement.incident}/{announcement.run_id}"[-_LONGEST_KEY:],
    }
    if action == "resolve":
        return envelope
    alert, _, service = announcement.incident.partition("/")
    link = announcement.link
    return envelope | {
        "client": "Durable runbooks",
        **({"client_url": link, "links": [{"href": link, "text": "Open the incident"}]} if link else {}),
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
