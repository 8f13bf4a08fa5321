"""One POST to a channel that is reached over HTTP, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import httpx
from pydantic_core import from_json

from activities.notify.channel import (
    ChannelBusy,
    ChannelDown,
    ChannelGone,
    ChannelLimited,
    ChannelRefused,
    ChannelUnsure,
)
from activities.notify.wording import one_line
from activities.support.http import Answer, Fault, NoAnswer, Outgoing, retry_after, send

LONGEST = timedelta(minutes=5)
_ANSWER_LIMIT = 64 * 1024
_NO_WAY = (Fault.REFUSED, Fault.UNREACHABLE)
_PASSING = (httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY, httpx.codes.TOO_MANY_REQUESTS)
_LONGEST_WAIT = timedelta(days=7)
_LONGEST_ANSWER = 200
_SECRET_PART = re.compile(r"[A-Za-z0-9_-]{6,}")


async def post(
    client: httpx.AsyncClient,
    url: str,
    body: object,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "POST",
) -> Answer:
    """POST a JSON body and return the answer if it is a 2xx; else raise `ChannelDown`, or `ChannelBusy`
    where it may be taken later, and say why.

    The reason names the host only: in a webhook's address the path is the secret.
    """
    host = httpx.URL(url).host
    request = Outgoing(url, method=method, json=body, headers=headers)
    try:
        # The channel as a whole is bounded by its own time-out, which is shorter.
        answer = await send(client, request, within=LONGEST, limit=_ANSWER_LIMIT)
    except NoAnswer as error:
        if error.fault is Fault.MISCONFIGURED:
            raise ChannelDown(f"cannot use {host}: {error.reason}") from error
        if error.fault in _NO_WAY:
            raise ChannelBusy(f"cannot connect to {host}") from error
        raise ChannelUnsure(f"{host} broke off") from error
    if answer.good:
        return answer
    why = f"{host} answered {answer.status}"
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        raise ChannelLimited(f"{why}, rate-limited", _asks_to_wait(answer))
    why += _words_of(answer, url)
    if may_pass(answer.status):
        raise ChannelBusy(why, _asks_to_wait(answer))
    raise ChannelGone(why) if answer.status == httpx.codes.NOT_FOUND else ChannelRefused(why)


def may_pass(status: int) -> bool:
    """Whether the same request may be taken a little later."""
    return status in _PASSING or status >= httpx.codes.INTERNAL_SERVER_ERROR


def _asks_to_wait(answer: Answer) -> timedelta | None:
    """By `Retry-After`, in seconds or as a date; Slack and Discord also tell it in the body.

    The shorter one: the header of Discord has full seconds, and in its first versions milliseconds.
    """
    said = json_in(answer)
    seconds = said.get("retry_after") if isinstance(said, dict) else None
    asked = [wait] if (wait := retry_after(answer.retry_after)) is not None else []
    if isinstance(seconds, int | float) and 0 <= seconds <= _LONGEST_WAIT.total_seconds():
        asked.append(timedelta(seconds=seconds))
    return min(asked, default=None)


def json_in(answer: Answer) -> object:
    """What a body says; None for one that is no JSON, or nested deeper than anybody means it."""
    try:
        return from_json(answer.body)
    except ValueError:
        return None


def _words_of(answer: Answer, url: str) -> str:
    """What the other side says for itself, without any part of the address it may repeat."""
    words = _message(answer)
    for part in _SECRET_PART.findall(httpx.URL(url).raw_path.decode()):
        words = words.replace(part, "***")
    words = one_line(words, _LONGEST_ANSWER)
    return f": {words}" if words else ""


def _message(answer: Answer) -> str:
    kind = answer.header("content-type")
    if "json" not in kind:
        return answer.body.decode(errors="replace") if kind.startswith("text/plain") else ""
    said = json_in(answer)
    if not isinstance(said, dict):
        return ""
    errors = said.get("errors")
    details = [str(error) for error in errors] if isinstance(errors, list) else []
    return "; ".join([str(said.get("message", "")), *details])
