"""The application's switches, thrown by the HTTP calls of the configuration.

The calls are idempotent, so one without an answer is repeated. Tokens are read when they are used,
and appear in no error.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
from temporalio.exceptions import ApplicationError

from activities.health.body import content_of, decoded, is_markup
from activities.support.heartbeats import beating
from activities.support.http import Fault, NoAnswer, Outgoing, send, shown
from activities.support.secrets import SecretMissing, resolve
from models.actions.change import ActionResult
from models.service.surroundings import SwitchCall

WITHIN = timedelta(seconds=5)
"""How long one call may take."""

_BODY_LIMIT = 64 * 1024
_CALLS = 3
_PAUSE = timedelta(seconds=1)


class Switches:
    """Calls the switches. The client is shared; each call has a connection of its own."""

    def __init__(self, client: httpx.AsyncClient, within: timedelta = WITHIN) -> None:
        self._client = client
        self._within = within

    async def throw(self, switch: SwitchCall, done: str) -> ActionResult:
        """Done, in the words `done`, when the switch answers 2xx, and not with a page or a plain no.

        Raises `ApplicationError`, non-retryable, when its token cannot be read.
        """
        headers = _headers(switch)
        found = ""
        async with beating():
            for call in range(_CALLS):
                if call:
                    await asyncio.sleep(_PAUSE.total_seconds())
                status, found, taken = await self._call(switch, headers)
                if taken:
                    return _effect(True, f"{done}: {found}")
                if status is not None and status < 500 and status != 429:
                    break
        return _effect(False, found)

    async def _call(self, switch: SwitchCall, headers: dict[str, str]) -> tuple[int | None, str, bool]:
        """The status, if one came, what is told of it, and whether the switch was taken."""
        where = shown(switch.url)
        request = Outgoing(switch.url, method=switch.method, json=switch.body, headers=headers)
        try:
            answer = await send(self._client, request, within=self._within, limit=_BODY_LIMIT)
        except NoAnswer as error:
            perhaps = ": it may have taken it all the same" if error.fault is Fault.TIMED_OUT else ""
            return None, f"{error.reason}{perhaps}", False
        against = _against(answer.body) if answer.good else ""
        return answer.status, f"answered {answer.status} at {where}{against}", answer.good and not against


def _against(body: bytes) -> str:
    """What the body says against a good status; empty where it says nothing against it."""
    content = content_of(decoded(body))
    if is_markup(content):
        return ", with a page instead of the application's answer: perhaps a login, or a proxy in between"
    says_no = isinstance(content, dict) and any(content.get(key) is False for key in ("success", "ok"))
    return ", and says that it was not done" if says_no else ""


def _headers(switch: SwitchCall) -> dict[str, str]:
    if switch.token is None:
        return {}
    try:
        return {"Authorization": f"Bearer {resolve(switch.token)}"}
    except SecretMissing as missing:
        raise final(str(missing), "SecretMissing") from None


def final(message: str, kind: str) -> ApplicationError:
    return ApplicationError(message, type=kind, non_retryable=True)


def _effect(done: bool, found: str) -> ActionResult:
    return ActionResult(done=done, found=found, at=datetime.now(UTC))
