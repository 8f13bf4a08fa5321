"""A request that says it is of Slack: what of it is believed, because Slack signed it, now, and once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs

from cachetools import TTLCache
from pydantic import Field, ValidationError
from slack_sdk.signature import SignatureVerifier
from starlette.requests import ClientDisconnect, Request

from intake.http.answers import Stop
from intake.http.room import held_for
from models.base import Model

MOST_BODY = 512 * 1024
"""Bytes of a press: it repeats the message whose button was pressed."""
READ_WITHIN = 2.0
"""Seconds: Slack gives up after three."""
OLDEST = 300
"""Seconds; the same ahead of our clock."""
_MOST_REMEMBERED = 20_000
_FORM = "application/x-www-form-urlencoded"
_STAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class User(Model):
    id: str = Field(max_length=64)


class Action(Model):
    action_id: str = Field(max_length=255)
    value: str = Field(default="", max_length=2000)


class Press(Model):
    """Somebody pressed a button: who it was is known by Slack's ID alone, whatever names stand in it."""

    type: str
    user: User
    actions: tuple[Action, ...] = Field(min_length=1, max_length=10)
    response_url: str = Field(default="", max_length=1000)


class Claim(NamedTuple):
    """What a request says of its signature."""

    at: str
    signature: str


def claimed(headers: Mapping[str, str]) -> Claim:
    """Judged before the body is read. Raises Stop with 401 for what is not of Slack's form, or not of now."""
    claim = Claim(headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", ""))
    if not (_STAMP.fullmatch(claim.at) and _SIGNATURE.fullmatch(claim.signature)):
        raise Stop(401, "this is not signed as Slack signs its requests")
    apart = abs(time.time() - int(claim.at))
    if apart > OLDEST:
        raise Stop(
            401, f"the time it was signed at and this clock are {apart:.0f} s apart, not {OLDEST} at most"
        )
    return claim


class Seal:
    """Slack's signature over one request."""

    def __init__(self) -> None:
        self._seen: TTLCache[str, bool] = TTLCache(_MOST_REMEMBERED, 2 * OLDEST)

    def verify(self, secret: str, claim: Claim, body: bytes) -> str:
        """The signature. Raises Stop with 401 for one that does not hold, or was used before."""
        try:
            holds = SignatureVerifier(secret).is_valid(body, claim.at, claim.signature)
        except UnicodeDecodeError:
            holds = False
        if not holds:
            raise Stop(401, "its signature does not hold: see intake.slack.signing_secret")
        if claim.signature in self._seen:
            raise Stop(401, "it was sent before")
        self._seen[claim.signature] = True
        return claim.signature


async def body_of(request: Request) -> bytes:
    """As it came. Raises Stop: 415, 413, 408, and 503 where other requests take its room."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Stop(415, "Slack sends a form")
    held, body = held_for(request), bytearray()
    try:
        async with held.arrives(READ_WITHIN, stranger=True):
            async for chunk in request.stream():
                if len(body) + len(chunk) > MOST_BODY:
                    raise Stop(413, "it is longer than a press of a button", {"connection": "close"})
                held.set(len(body) + len(chunk))
                body += chunk
    except (TimeoutError, ClientDisconnect) as error:
        raise Stop(408, "it did not arrive in time", {"connection": "close"}) from error
    return bytes(body)


def press_in(body: bytes) -> Press | None:
    """None for what else Slack tells. Raises Stop with 422 for what it never sends."""
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=4)
        said = json.loads(fields["payload"][0])
        if isinstance(said, dict) and said.get("type") != "block_actions":
            return None
        return Press.model_validate(said)
    except (ValueError, KeyError, RecursionError, ValidationError) as error:
        raise Stop(422, "this is no press of a button") from error
