"""Slack, by a bot: one message an incident, edited as the incident goes on, and what happens in its thread.

A message that may have arrived is looked for before it is sent again. Each carries its key as metadata, which
Slack gives back to the app that wrote it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import structlog
from cachetools import LRUCache
from slack_sdk.models.metadata import Metadata
from temporalio import activity

from activities.notify.channel import ChannelBusy, ChannelDown, ChannelLimited, ChannelRefused, Place
from activities.notify.delivery import MOST_UNSURE
from activities.notify.slack_blocks import plain, reply, root
from activities.notify.wording import for_slack, in_one_line
from activities.slack.api import SlackApi, SlackBusy, SlackError, SlackRefused, SlackUnsure
from models.incident.announcement import Announcement
from models.telling.in_short import InShort

EVENT = "durable_runbooks"
ROOT = "incident"
"""The key of the message that is edited."""
_LONGEST_TEXT = 1000
"""Of what a phone shows of a message, and of one whose blocks Slack does not take."""
_PAGE, _MOST_PAGES = "100", 5
_GONE = frozenset({"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"})
_TOO_MUCH = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"})
_REMEMBERED = 1000


class _Found(NamedTuple):
    ts: str = ""
    of: str = ""
    """The key of the announcement that it was written for."""


class SlackBot:
    keeps_pages_open = False

    def __init__(self, name: str, api: SlackApi, channel: str, *, buttons: bool) -> None:
        self.name = name
        self._api = api
        self._channel = channel
        self._buttons = buttons
        self._log = structlog.get_logger("runbooks.announcements")
        self._places: LRUCache[str, str] = LRUCache(_REMEMBERED)
        """By incident and key, where a message is that arrived."""
        self._sent: LRUCache[str, int] = LRUCache(_REMEMBERED)
        """How often one was sent that may have arrived."""
        self._versions: LRUCache[str, int] = LRUCache(_REMEMBERED)
        self._one_at_a_time: LRUCache[str, asyncio.Lock] = LRUCache(_REMEMBERED)

    async def deliver(self, announcement: Announcement) -> Place | None:
        """Where the message of the incident is, so that it can be edited; None for one without."""
        with _as_a_channel():
            if (shown := announcement.in_short) is None:
                await self._post(announcement, _key_of(announcement), plain(announcement), "")
                return None
            lock = self._one_at_a_time.setdefault(announcement.run_id, asyncio.Lock())
            async with lock:
                return await self._tell(announcement, shown)

    async def _tell(self, announcement: Announcement, shown: InShort) -> Place:
        place = announcement.place_in(self.name) or self._places.get(_named(announcement, ROOT), "")
        if not place:
            return await self._begin(announcement, shown)
        try:
            return await self._go_on(announcement, shown, place)
        except SlackRefused as refused:
            if refused.code not in _GONE:
                raise
            self._places.pop(_named(announcement, ROOT), None)  # somebody deleted it
            return await self._begin(announcement, shown, afresh=True)

    async def _go_on(self, announcement: Announcement, shown: InShort, place: str) -> Place:
        """What there is to tell stands in the thread, and then in the message."""
        if blocks := reply(announcement):
            await self._post(announcement, _key_of(announcement), blocks, place)
        return Place(place, stale=not await self._edited(announcement, shown, place))

    async def _begin(self, announcement: Announcement, shown: InShort, *, afresh: bool = False) -> Place:
        """The first message of an incident. Another worker may have written it already, for what it told."""
        key = f"{ROOT}:{_key_of(announcement)}" if afresh else ROOT
        blocks = root(announcement, shown, buttons=self._buttons)
        place, of = await self._post(announcement, key, blocks, look=not afresh)
        self._places[_named(announcement, ROOT)] = place
        if of != _key_of(announcement):
            return await self._go_on(announcement, shown, place)
        self._versions[place] = shown.version
        return Place(place)

    async def _edited(self, announcement: Announcement, shown: InShort, place: str) -> bool:
        """Whether it was. A page that arrived is not sent again because of an edit that failed."""
        if shown.version < self._versions.get(place, 0):
            return True
        self._versions[place] = shown.version
        blocks = root(announcement, shown, buttons=self._buttons)
        edited = {"ts": place, **self._content(announcement, blocks)}
        try:
            await self._written("chat.update", edited)
        except SlackError as error:
            gone = isinstance(error, SlackRefused) and error.code in _GONE
            if gone or not announcement.occasion.wakes:
                raise
            self._note("not edited", announcement, error)
            return False
        return True

    async def _post(
        self,
        announcement: Announcement,
        key: str,
        blocks: list[dict[str, Any]],
        thread: str = "",
        *,
        look: bool = False,
    ) -> _Found:
        """Once: what may have arrived is looked for before it is sent again."""
        named, ours = _named(announcement, key), _key_of(announcement)
        if place := self._places.get(named):
            return _Found(place, ours)
        times = self._sent.get(named, 0)
        sent = times > 0 or announcement.again or _tried_before()
        found = _Found()
        if sent or look:
            found = await self._found(announcement, key, thread, times, sent=sent)
        if not found.ts:
            self._sent[named] = times + 1
            found = _Found(await self._posted(announcement, key, blocks, thread, named), ours)
        self._places[named] = found.ts
        return found

    async def _posted(
        self, announcement: Announcement, key: str, blocks: list[dict[str, Any]], thread: str, named: str
    ) -> str:
        message = {
            **self._content(announcement, blocks),
            "metadata": Metadata(EVENT, _payload(announcement, key)).to_dict(),
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread:
            message |= {"thread_ts": thread, "reply_broadcast": announcement.occasion.wakes}
        try:
            said = await self._written("chat.postMessage", message)
        except (SlackRefused, SlackBusy):
            self._sent.pop(named, None)  # it is certain that it did not arrive
            raise
        return str(said.get("ts", ""))

    async def _written(self, method: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """In plain text, where Slack does not take its blocks: a page must arrive."""
        try:
            return await self._api.write(method, message)
        except SlackRefused as refused:
            if refused.code not in _TOO_MUCH:
                raise
            return await self._api.write(method, {**message, "blocks": []})

    def _content(self, announcement: Announcement, blocks: list[dict[str, Any]]) -> dict[str, Any]:
        text = in_one_line("\n".join((announcement.title, announcement.text)), _LONGEST_TEXT)
        return {"channel": self._channel, "text": for_slack(text), "blocks": blocks, "parse": "none"}

    async def _found(
        self, announcement: Announcement, key: str, thread: str, times: int, *, sent: bool
    ) -> _Found:
        """Where it is, if it arrived: the newest messages are looked through.

        A look that fails stops what was sent, and nothing else. One that is not allowed lets it be sent once
        more: a page that arrives twice is better than none.
        """
        try:
            return await self._looked_up(announcement, key, thread)
        except SlackRefused as refused:
            if refused.code in _GONE:
                raise
            self._note("not looked for", announcement, refused)
            if times > MOST_UNSURE:
                raise ChannelDown(f"it may have arrived, and cannot be looked for: {refused}") from refused
        except SlackError as error:
            if sent:
                raise
            self._note("not looked for", announcement, error)
        return _Found()

    async def _looked_up(self, announcement: Announcement, key: str, thread: str) -> _Found:
        method, of = ("conversations.replies", {"ts": thread}) if thread else ("conversations.history", {})
        asked = {"channel": self._channel, "limit": _PAGE, "include_all_metadata": "true", **of}
        for _ in range(_MOST_PAGES):
            said = await self._api.read(method, **asked)
            for message in said.get("messages", ()):
                if payload := _payload_of(message, announcement.run_id, key):
                    return _Found(str(message["ts"]), str(payload.get("of", "")))
            cursor = (said.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
            asked["cursor"] = cursor
        return _Found()

    def _note(self, what: str, announcement: Announcement, error: SlackError) -> None:
        self._log.warning(what, channel=self.name, incident=announcement.incident, reason=str(error))


@contextmanager
def _as_a_channel() -> Iterator[None]:
    """What went wrong, as every channel says it. What may have arrived is tried again: it is looked for."""
    try:
        yield
    except SlackBusy as busy:
        raise (ChannelLimited if busy.limited else ChannelBusy)(str(busy), busy.wait) from busy
    except SlackUnsure as unsure:
        raise ChannelBusy(str(unsure)) from unsure
    except SlackError as error:
        raise ChannelRefused(str(error)) from error


def _key_of(announcement: Announcement) -> str:
    if announcement.key or not activity.in_activity():
        return announcement.key or announcement.title
    info = activity.info()
    return f"{info.workflow_run_id}/{info.activity_id}"


def _tried_before() -> bool:
    return activity.in_activity() and activity.info().attempt > 1


def _named(announcement: Announcement, key: str) -> str:
    return f"{announcement.run_id}/{key}"


def _payload(announcement: Announcement, key: str) -> dict[str, str]:
    return {"run": announcement.run_id, "key": key, "of": _key_of(announcement)}


def _payload_of(message: Any, run: str, key: str) -> dict[str, Any]:
    """What the metadata of this message carries; empty where it is another one."""
    metadata = message.get("metadata") if isinstance(message, dict) else None
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT:
        return {}
    payload = metadata.get("event_payload")
    if not isinstance(payload, dict) or (payload.get("run"), payload.get("key")) != (run, key):
        return {}
    return payload
