"""One POST to a channel that is reached over HTTP, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

import httpx
from pydantic_core import from_json

from activities.notify.channel import ChannelDown
from activities.notify.wording import one_line
from activities.support.http import Answer, Fault, NoAnswer, Outgoing, send

LONGEST = timedelta(minutes=5)
_ANSWER_LIMIT = 64 * 1024
_NO_WAY = (Fault.REFUSED, Fault.UNREACHABLE, Fault.MISCONFIGURED)
_LONGEST_ANSWER = 200
_SECRET_PART = re.compile(r"[A-Za-z0-9_-]{6,}")


async def post(
    client: httpx.AsyncClient, url: str, body: object, headers: Mapping[str, str] | None = None
) -> Answer:
    """POST a JSON body and return the answer if it is a 2xx; else raise `ChannelDown` and say why.

    The reason names the host only: in a webhook's address the path is the secret.
    """
    host = httpx.URL(url).host
    request = Outgoing(url, method="POST", json=body, headers=headers)
    try:
        # The channel as a whole is bounded by its own time-out, which is shorter.
        answer = await send(client, request, within=LONGEST, limit=_ANSWER_LIMIT)
    except NoAnswer as error:
        why = f"cannot connect to {host}" if error.fault in _NO_WAY else f"{host} broke off"
        raise ChannelDown(why) from error
    if answer.good:
        return answer
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        raise ChannelDown(f"{host} answered 429, rate-limited{_until(answer)}")
    raise ChannelDown(f"{host} answered {answer.status}{_words_of(answer, url)}")


def json_in(answer: Answer) -> object:
    """What a body says; None for one that is no JSON, or nested deeper than anybody means it."""
    try:
        return from_json(answer.body)
    except ValueError:
        return None


def _until(answer: Answer) -> str:
    seconds = answer.retry_after
    return f" for {seconds} s" if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", seconds) else ""


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
