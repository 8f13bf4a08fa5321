"""Slack's Web API as it is documented, as far as a bot that tells of incidents uses it.

Strict: what Slack would refuse is refused, with Slack's own word and status 200.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request, Response

TOKEN = "xoxb-111111111111-222222222222-s3cretS3cretS3cretS3cret"
CHANNEL = "C0ALERTS001"
_MOST_BLOCKS, _LONGEST_TEXT, _LONGEST_HEADER, _LONGEST_MESSAGE = 50, 3000, 150, 40_000
_LONGEST_BLOCKS = 13_000
"""All texts together: no document says so, but that is where it refuses."""
_MOST_FIELDS, _LONGEST_FIELD, _LONGEST_VALUE, _LONGEST_ACTION, _LONGEST_BUTTON = 10, 2000, 2000, 255, 75

Answer = Callable[[], Response]


@dataclass
class Slack:
    """One workspace, one channel, one bot."""

    in_channel: bool = True
    private: bool = False
    archived: bool = False
    scopes: str = "chat:write,channels:history,channels:read"
    channel: str = CHANNEL
    messages: list[dict[str, Any]] = field(default_factory=list)
    """As they stand now, each once, in the order in which they were posted."""
    calls: list[str] = field(default_factory=list)
    before: list[Answer | None] = field(default_factory=list)
    """What the next calls that write are answered, without being done; None for as usual."""
    after: list[Answer | None] = field(default_factory=list)
    """What the next calls that write are answered, after they were done."""

    def answer(self, request: Request) -> Response:
        """For a handler of an HTTP server below `/api`."""
        method = request.path.rpartition("/")[2]
        self.calls.append(method)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _refused("invalid_auth")
        if method in ("chat.postMessage", "chat.update"):
            return self._write(method, request)
        if method == "auth.test":
            return self._done(user="runbooks", team="Example", team_id="T0EXAMPLE1", bot_id="B0RUNBOOKS")
        return self._read(method, request.args)

    def _read(self, method: str, asked: Mapping[str, str]) -> Response:
        at = asked.get("ts", "")
        if asked.get("channel") != self.channel:
            return _refused("channel_not_found")
        match method:
            case "conversations.info":
                return self._info()
            case "conversations.history":
                return self._listed(self.roots, asked)
            case "conversations.replies":
                thread = [one for one in self.messages if at in (one["ts"], one.get("thread_ts"))]
                return self._listed(thread, asked)
        return _refused("unknown_method")

    def _info(self) -> Response:
        is_im = self.channel.startswith("D")
        needed = "im:read" if is_im else "groups:read" if self.private else "channels:read"
        if needed not in self.scopes:
            return _refused("missing_scope", needed=needed, provided=self.scopes)
        if self.private and not self.in_channel:
            return _refused("channel_not_found")
        channel = {"id": self.channel, "name": "alerts", "is_channel": not self.private, "is_im": is_im}
        known = {"is_private": self.private, "is_archived": self.archived, "is_member": self.in_channel}
        return self._done(channel={**channel, **known})

    @property
    def roots(self) -> list[dict[str, Any]]:
        return [one for one in self.messages if "thread_ts" not in one]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [one for one in self.messages if "thread_ts" in one]

    def _listed(self, messages: list[dict[str, Any]], asked: Mapping[str, str]) -> Response:
        if "channels:history" not in self.scopes:
            return _refused("missing_scope", needed="channels:history", provided=self.scopes)
        if asked.get("include_all_metadata") != "true":
            messages = [
                {name: value for name, value in one.items() if name != "metadata"} for one in messages
            ]
        start, most = int(asked.get("cursor") or 0), min(int(asked.get("limit", 100)), 999)
        newest = messages[::-1][start : start + most]
        more = start + most < len(messages)
        return self._done(
            messages=newest,
            has_more=more,
            response_metadata={"next_cursor": str(start + most) if more else ""},
        )

    def _write(self, method: str, request: Request) -> Response:
        if self.before and (answer := self.before.pop(0)):
            return answer()
        message = request.get_json()
        why = "; ".join(_wrong(message))
        if message.get("channel") != CHANNEL or not self.in_channel or why:
            refused = "not_in_channel" if message.get("channel") == CHANNEL else "channel_not_found"
            return _refused(why.split(":")[0] or refused, response_metadata={"messages": [why]})
        done = self._post(message) if method == "chat.postMessage" else self._update(message)
        return answer() if self.after and (answer := self.after.pop(0)) else done

    def _post(self, message: dict[str, Any]) -> Response:
        if "thread_ts" in message and not any(one["ts"] == message["thread_ts"] for one in self.messages):
            return _refused("thread_not_found")
        ts = f"17000000{len(self.messages):02}.000100"
        self.messages.append({**message, "ts": ts})
        return self._done(channel=CHANNEL, ts=ts)

    def _update(self, message: dict[str, Any]) -> Response:
        for one in self.messages:
            if one["ts"] == message.get("ts"):
                one.update(message)
                return self._done(channel=CHANNEL, ts=one["ts"], text=one["text"])
        return _refused("message_not_found")

    def _done(self, **said: Any) -> Response:
        return Response(
            json.dumps({"ok": True, **said}),
            200,
            {"x-oauth-scopes": self.scopes},
            content_type="application/json",
        )


def _refused(error: str, **more: Any) -> Response:
    return Response(json.dumps({"ok": False, "error": error, **more}), 200, content_type="application/json")


def limited(seconds: int) -> Answer:
    body = json.dumps({"ok": False, "error": "ratelimited"})
    return lambda: Response(body, 429, {"Retry-After": str(seconds)}, content_type="application/json")


def broken() -> Response:
    return Response("<html>Server Error</html>", 500, content_type="text/html")


def _wrong(message: dict[str, Any]) -> Iterator[str]:
    blocks = message.get("blocks") or []
    if not (blocks or message.get("text")):
        yield "no_text"
    if len(message.get("text", "")) > _LONGEST_MESSAGE:
        yield "msg_too_long"
    if len(blocks) > _MOST_BLOCKS:
        yield f"invalid_blocks: {len(blocks)} blocks"
    if sum(len(one["text"]) for one in _texts(blocks)) + len(_values(blocks)) > _LONGEST_BLOCKS:
        yield "msg_blocks_too_long"
    actions: list[str] = []
    for block in blocks:
        yield from (f"invalid_blocks: {why}" for why in _wrong_block(block))
        actions += [one["action_id"] for one in block.get("elements", ()) if "action_id" in one]
    if len(actions) != len(set(actions)):
        yield "invalid_blocks: two elements with one action_id"
    for text in _texts(blocks):
        yield from _wrong_text(text)


def _wrong_block(block: dict[str, Any]) -> Iterator[str]:
    match block.get("type"):
        case "header":
            yield from _unless(block["text"]["type"] == "plain_text", "a header is plain")
            yield from _unless(len(block["text"]["text"]) <= _LONGEST_HEADER, "header too long")
        case "section":
            yield from _unless(bool("text" in block or block.get("fields")), "an empty section")
            yield from _unless(len(block.get("text", {}).get("text", "")) <= _LONGEST_TEXT, "text too long")
            fields = block.get("fields", [])
            yield from _unless(len(fields) <= _MOST_FIELDS, "too many fields")
            yield from _unless(all(len(one["text"]) <= _LONGEST_FIELD for one in fields), "field too long")
        case "actions":
            for one in block["elements"]:
                yield from _unless(one["type"] == "button", "no button")
                yield from _unless(len(one["text"]["text"]) <= _LONGEST_BUTTON, "button too long")
                yield from _unless(len(one.get("value", "")) <= _LONGEST_VALUE, "value too long")
                yield from _unless(len(one.get("action_id", "")) <= _LONGEST_ACTION, "action_id too long")
                yield from _unless(one.get("style", "primary") in ("primary", "danger"), "no such style")
                if confirm := one.get("confirm"):
                    yield from _unless(len(confirm["title"]["text"]) <= 100, "confirm title too long")
                    yield from _unless(len(confirm["text"]["text"]) <= 300, "confirm text too long")
        case "context":
            yield from _unless(1 <= len(block["elements"]) <= 10, "elements")
        case other:
            yield f"unsupported type {other}"


def _values(blocks: list[dict[str, Any]]) -> str:
    return "".join(one.get("value", "") for block in blocks for one in block.get("elements", ()))


def _unless(fits: bool, why: str) -> Iterator[str]:
    if not fits:
        yield why


def _texts(block: Any) -> Iterator[dict[str, Any]]:
    if isinstance(block, dict):
        if block.get("type") in ("mrkdwn", "plain_text"):
            yield block
        for value in block.values():
            yield from _texts(value)
    elif isinstance(block, list):
        for one in block:
            yield from _texts(one)


def _wrong_text(text: dict[str, Any]) -> Iterator[str]:
    if not text["text"]:
        yield "invalid_blocks: an empty text"
    if text["type"] == "mrkdwn" and not text.get("verbatim"):
        yield "invalid_blocks: (ours) a text that Slack would make links of"


def buttons_of(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The buttons of a message, by action."""
    found = (
        one
        for block in message.get("blocks") or ()
        if block["type"] == "actions"
        for one in block["elements"]
    )
    return {one["action_id"]: one for one in found}


def text_of(message: dict[str, Any]) -> str:
    """All that stands in the blocks of a message."""
    return "\n".join(one["text"] for one in _texts(message.get("blocks") or []))
