"""Slack's Web API: one call, and what its answer means.

Slack answers an error with status 200 and `"ok": false`. What its answers mean here:

    SlackError
      · SlackRefused   the call is wrong, or not allowed: trying again does not help
      · SlackBusy      it may be taken later; `limited` where Slack asks to wait
      · SlackUnsure    it may have been taken
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
from pydantic_core import from_json

from activities.support.http import Answer, Fault, NoAnswer, Outgoing, retry_after, send

LONGEST = timedelta(minutes=5)
_ANSWER_LIMIT = 2**20
_UNSURE = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
_CURES = {
    "invalid_auth": "its token is not valid: copy the Bot User OAuth Token again",
    "not_authed": "its token is not valid: copy the Bot User OAuth Token again",
    "token_revoked": "its token was revoked: install the app again",
    "token_expired": "its token has expired: turn token rotation off, and install the app again",
    "account_inactive": "its token is of an app that was removed: install the app again",
    "missing_scope": "its app lacks a scope: see docs/configure.md, and install the app again",
    "channel_not_found": "there is no such channel for this bot: copy the channel's ID, and invite the bot",
    "not_in_channel": "the bot is not in the channel: invite it there",
    "is_archived": "the channel is archived",
    "restricted_action": "the workspace does not let this bot write there",
}


class SlackError(Exception):
    """Slack did not do it. The text is one sentence, without secrets."""


class SlackRefused(SlackError):
    """`code` is Slack's own word."""

    def __init__(self, code: str) -> None:
        cure = _CURES.get(code, "")
        super().__init__(f"Slack answered {code}{f': {cure}' if cure else ''}")
        self.code = code


class SlackBusy(SlackError):
    def __init__(self, why: str, wait: timedelta | None = None, *, limited: bool = False) -> None:
        super().__init__(why)
        self.wait = wait
        self.limited = limited


class SlackUnsure(SlackError):
    pass


class SlackApi:
    """The methods of one bot."""

    def __init__(self, client: httpx.AsyncClient, address: str, token: str) -> None:
        self._client = client
        self._address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def write(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """One that changes something. Raises `SlackError`."""
        json = {name: value for name, value in body.items() if value is not None}
        return await self._call(Outgoing(self._at(method), method="POST", headers=self._headers, json=json))

    async def read(self, method: str, **params: str) -> dict[str, Any]:
        """One that only reads. Raises `SlackError`."""
        return await self._call(Outgoing(self._at(method), params=params, headers=self._headers))

    async def scopes(self) -> frozenset[str]:
        """What its token may do, which Slack tells in a header of each answer. Raises `SlackError`."""
        answer, host = await self._answer(
            Outgoing(self._at("auth.test"), method="POST", headers=self._headers)
        )
        _said(answer, host)
        return frozenset(filter(None, map(str.strip, answer.header("x-oauth-scopes").split(","))))

    def _at(self, method: str) -> str:
        return f"{self._address}/{method}"

    async def _call(self, request: Outgoing) -> dict[str, Any]:
        return _said(*await self._answer(request))

    async def _answer(self, request: Outgoing) -> tuple[Answer, str]:
        """With the host that gave it."""
        host = httpx.URL(request.url).host
        try:
            # Who calls has a shorter bound.
            return await send(self._client, request, within=LONGEST, limit=_ANSWER_LIMIT), host
        except NoAnswer as error:
            if error.fault is Fault.MISCONFIGURED:
                raise SlackRefused(f"nothing: cannot use {host}: {error.reason}") from error
            if error.fault in (Fault.REFUSED, Fault.UNREACHABLE):
                raise SlackBusy(f"cannot connect to {host}") from error
            raise SlackUnsure(f"{host} broke off") from error


def _said(answer: Answer, host: str) -> dict[str, Any]:
    wait = retry_after(answer.retry_after)
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        raise SlackBusy(f"{host} answered 429, rate-limited", wait, limited=True)
    said = _json(answer)
    if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR or (answer.good and said is None):
        raise SlackUnsure(f"{host} answered {answer.status}{'' if said else ', which says nothing'}")
    code = str((said or {}).get("error", answer.status))[:80]
    if said and said.get("ok") is True and answer.good:
        return said
    if code in ("ratelimited", "rate_limited"):
        raise SlackBusy("Slack answered ratelimited", wait, limited=True)
    if code in _UNSURE:
        raise SlackUnsure(f"Slack answered {code}")
    raise SlackRefused(code)


def _json(answer: Answer) -> dict[str, Any] | None:
    try:
        said = from_json(answer.body)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
