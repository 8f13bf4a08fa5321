"""Slack, by an incoming webhook."""

from __future__ import annotations

import httpx

from activities.notify.post import post
from activities.notify.wording import for_slack, one_line, paragraph
from models.incident.announcement import Announcement

_LONGEST_TITLE = 250
"""Longer than the ID of any incident, which a command needs whole."""
_LONGEST_TEXT = 3000


class SlackWebhook:
    keeps_pages_open = False

    def __init__(self, name: str, client: httpx.AsyncClient, address: str) -> None:
        self.name = name
        self._client = client
        self._address = address

    async def deliver(self, announcement: Announcement) -> None:
        message = {"text": mrkdwn(announcement), "unfurl_links": False, "unfurl_media": False}
        await post(self._client, self._address, message)


def mrkdwn(announcement: Announcement) -> str:
    """The title in bold, the text below it, and the links last."""
    title = one_line(announcement.title, _LONGEST_TITLE).replace("*", "")
    lines = [f"*{for_slack(title)}*", for_slack(paragraph(announcement.text, _LONGEST_TEXT))]
    lines += [
        f"<{for_slack(one.address).replace('|', '%7C')}|{for_slack(one.says)}>" for one in announcement.links
    ]
    return "\n".join(lines)
