"""One POST to a channel that is reached over HTTP, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx

from activities.notify.channel import ChannelDown
from activities.notify.wording import one_line

_LONGEST_ANSWER = 200
_SECRET_PART = re.compile(r"[A-Za-z0-9_-]{6,}")


async def post(
    client: httpx.AsyncClient, url: str, body: object, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """POST a JSON body and return the answer if it is a 2xx; else raise `ChannelDown` and say why.

    The reason names the host only: in a webhook's address the path is the secret.
    """
    host = httpx.URL(url).host
    try:
        # The channel as a whole is bounded by its own time-out, so none is set for the parts.
        response = await client.post(url, json=body, headers=headers, timeout=None, follow_redirects=False)
    except httpx.ConnectError as error:
        raise ChannelDown(f"cannot connect to {host}") from error
    except httpx.HTTPError as error:
        raise ChannelDown(f"{host} broke off ({type(error).__name__})") from error
    if response.is_success:
        return response
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise ChannelDown(f"{host} answered 429, rate-limited{_until(response)}")
    raise ChannelDown(f"{host} answered {response.status_code}{_words_of(response, url)}")


def _until(response: httpx.Response) -> str:
    seconds = response.headers.get("Retry-After", "")
    return f" for {seconds} s" if re.fullmatch(r"[0-9]{1,6}(\.[0-9]+)?", seconds) else ""


def _words_of(response: httpx.Response, url: str) -> str:
    """What the other side says for itself, without any part of the address it may repeat."""
    words = _message(response)
    for part in _SECRET_PART.findall(httpx.URL(url).raw_path.decode()):
        words = words.replace(part, "***")
    words = one_line(words, _LONGEST_ANSWER)
    return f": {words}" if words else ""


def _message(response: httpx.Response) -> str:
    if "json" not in response.headers.get("Content-Type", ""):
        return response.text if response.headers.get("Content-Type", "").startswith("text/plain") else ""
    try:
        answer: Any = response.json()
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    errors = answer.get("errors")
    details = [str(error) for error in errors] if isinstance(errors, list) else []
    return "; ".join([str(answer.get("message", "")), *details])
