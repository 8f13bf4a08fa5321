"""Discord: a channel by its webhook, or a direct message to on-call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime

import httpx
import structlog
from cachetools import LRUCache

from activities.notify.channel import ChannelDown, ChannelGone, Place
from activities.notify.post import json_in, post
from activities.notify.wording import fitted, for_discord, one_line, paragraph
from activities.support.http import Answer
from models.incident.announcement import Announcement, Occasion
from models.telling.in_short import InShort

_LONGEST_TITLE = 250
"""Longer than the ID of any incident, which a command needs whole."""
_LONGEST_CONTENT = 2000
_LONGEST_LINE, _MOST_LINES = 200, 6
_REMEMBERED = 1000
_NOBODY: dict[str, list[str]] = {"parse": []}
"""Discord's `allowed_mentions`: the text mentions nobody."""


class DiscordWebhook:
    """The first message of an incident is edited as the incident goes on; whatever is told comes as a message
    of its own, which an edit is not: nobody is notified of one.

    See Discord's reference, "Webhook Resource": `wait` answers with the message; a webhook may edit its own.
    """

    keeps_pages_open = False

    def __init__(self, name: str, client: httpx.AsyncClient, address: str) -> None:
        self.name = name
        self._client = client
        self._address = httpx.URL(address)
        self._log = structlog.get_logger("runbooks.announcements")
        self._versions: LRUCache[str, int] = LRUCache(_REMEMBERED)
        """By message, the newest that it shows."""
        self._places: LRUCache[str, str] = LRUCache(_REMEMBERED)
        """By run, the first message: what is told at the same time does not know of it yet."""
        self._told: LRUCache[tuple[str, str], bool] = LRUCache(_REMEMBERED)
        """What arrived, although the edit after it may have to be tried again."""
        self._one_at_a_time: LRUCache[str, asyncio.Lock] = LRUCache(_REMEMBERED)

    async def deliver(self, announcement: Announcement) -> Place | None:
        """Where the message of the incident is, so that it can be edited; None for one without."""
        if (shown := announcement.in_short) is None:
            await post(self._client, str(self._address), message(announcement))
            return None
        lock = self._one_at_a_time.setdefault(announcement.run_id, asyncio.Lock())
        async with lock:
            place = announcement.place_in(self.name) or self._places.get(announcement.run_id, "")
            if not place:
                return await self._begin(announcement)
            await self._tell(announcement)
            return await self._edited(announcement, shown, place)

    async def _tell(self, announcement: Announcement) -> None:
        """A message of its own, once; none for what only changed."""
        known = (announcement.run_id, announcement.key)
        if announcement.occasion is Occasion.PROGRESS or known in self._told:
            return
        await post(self._client, str(self._address), message(announcement))
        if announcement.key:
            self._told[known] = True

    async def _begin(self, announcement: Announcement) -> Place | None:
        """The first message; None where the answer does not say which it is."""
        address = self._address.copy_set_param("wait", "true")
        said = json_in(await post(self._client, str(address), message(announcement)))
        if not (found := _id_of(said)):
            return None
        self._places[announcement.run_id] = found
        return Place(found)

    async def _edited(self, announcement: Announcement, shown: InShort, place: str) -> Place:
        """What was told arrived: an edit that fails is made up for by the next one."""
        if shown.version < self._versions.get(place, 0) or not place.isdecimal():
            return Place(place)
        self._versions[place] = shown.version
        one = self._address.copy_with(path=f"{self._address.path.rstrip('/')}/messages/{place}")
        try:
            await post(self._client, str(one), status(announcement, shown), method="PATCH")
        except ChannelGone:
            return Place(place)  # somebody deleted it: what is told still comes
        except ChannelDown as down:
            if announcement.occasion is Occasion.PROGRESS:
                raise
            why = str(down)
            self._log.warning("not edited", channel=self.name, incident=announcement.incident, reason=why)
            return Place(place, stale=True)
        return Place(place)


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
    text = fitted(for_discord(paragraph(announcement.text, room)), room)
    return {"content": "\n".join(filter(None, (title, text, links))), "allowed_mentions": _NOBODY}


def status(announcement: Announcement, shown: InShort) -> dict[str, object]:
    """The incident as it stands: what, since when, the cause, what was done, and what is asked."""
    lines = [f"{for_discord(one_line(line, _LONGEST_LINE))}" for line in _lines(announcement, shown)]
    since = f"since {_clock(shown.since)}"
    until = [f"an answer counts until {_clock(shown.until)}"] if shown.choices and shown.until else []
    whole = announcement.model_copy(update={"title": shown.title, "text": ""})
    told = message(whole)
    title, *links = str(told["content"]).split("\n")
    room = _LONGEST_CONTENT - sum(len(one) + 1 for one in (title, since, *until, *links))
    text = fitted("\n".join(lines), room)
    return {**told, "content": "\n".join(filter(None, (title, since, text, *until, *links)))}


def _lines(announcement: Announcement, shown: InShort) -> Iterator[str]:
    yield f"{shown.phase}, {announcement.severity.value}"
    if shown.outcome:
        yield shown.outcome
    if shown.dry_run:
        yield "dry run: nothing is done, whatever is answered"
    if shown.cause:
        yield f"cause: {shown.cause}"
    yield from (f"found: {one}" for one in shown.found[:_MOST_LINES])
    yield from (f"done: {one}" for one in shown.done[:_MOST_LINES])
    if shown.acknowledged_by:
        yield f"with {shown.acknowledged_by}"
    elif shown.next:
        yield f"next: {shown.next}"
    for choice in shown.choices[:_MOST_LINES]:
        recommended = " (recommended)" if choice.recommended and len(shown.choices) > 1 else ""
        yield f"asked: plan {choice.digest}{recommended}: {choice.says}"
    if shown.choices:
        yield f"answer: python starter.py approve {announcement.incident}, or deny"


def _clock(at: datetime) -> str:
    """In the reader's own time zone, as Discord writes it."""
    return f"<t:{int(at.timestamp())}:T>"


def _id_of(said: object) -> str:
    """Of a message or a conversation; empty for what is none."""
    found = said.get("id") if isinstance(said, dict) else None
    return found if isinstance(found, str) and found.isascii() and found.isdecimal() else ""


def _id_in(answer: Answer) -> str:
    conversation = _id_of(json_in(answer))
    if not conversation:
        raise ChannelDown("Discord returned no conversation with that person")
    return conversation
