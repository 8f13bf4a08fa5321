"""Discord: a channel by its webhook, or a direct message to on-call."""

from __future__ import annotations

import httpx

from activities.notify.channel import ChannelDown
from activities.notify.post import json_in, post
from activities.notify.wording import bounded, for_discord, one_line, paragraph
from activities.support.http import Answer
from models.incident.announcement import Announcement

_LONGEST_TITLE = 250
"""Longer than the ID of any incident, which a command needs whole."""
_LONGEST_CONTENT = 2000
_NOBODY: dict[str, list[str]] = {"parse": []}
"""Discord's `allowed_mentions`: the text mentions nobody."""


class DiscordWebhook:
    keeps_pages_open = False

    def __init__(self, name: str, client: httpx.AsyncClient, address: str) -> None:
        self.name = name
        self._client = client
        self._address = address

    async def deliver(self, announcement: Announcement) -> None:
        await post(self._client, self._address, message(announcement))


class DiscordDirect:
    """A direct message: the bot opens its conversation with the person, which is the same every time."""

    keeps_pages_open = False

    def __init__(self, name: str, client: httpx.AsyncClient, api: str, token: str, user: str) -> None:
        self.name = name
        self._client = client
        self._api = api
        self._headers = {"Authorization": f"Bot {token}"}
        self._user = user

    async def deliver(self, announcement: Announcement) -> None:
        opened = await post(
            self._client, f"{self._api}/users/@me/channels", {"recipient_id": self._user}, self._headers
        )
        conversation = _id_in(opened)
        url = f"{self._api}/channels/{conversation}/messages"
        await post(self._client, url, message(announcement), self._headers)


def message(announcement: Announcement) -> dict[str, object]:
    """The title in bold, the text below it, and the links last, without a preview."""
    title = f"**{for_discord(one_line(announcement.title, _LONGEST_TITLE))}**"
    links = "\n".join(f"{for_discord(one.says)}: <{one.address}>" for one in announcement.links)
    room = _LONGEST_CONTENT - len(title) - len(links) - 2
    text = bounded(for_discord(paragraph(announcement.text, room)), room)
    return {"content": "\n".join(filter(None, (title, text, links))), "allowed_mentions": _NOBODY}


def _id_in(answer: Answer) -> str:
    said = json_in(answer)
    conversation = said.get("id") if isinstance(said, dict) else None
    if not isinstance(conversation, str) or not conversation.isdecimal():
        raise ChannelDown("Discord returned no conversation with that person")
    return conversation
