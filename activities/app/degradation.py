"""Switches the application's degraded mode on and off, by the HTTP calls of the configuration.

Degraded means cached answers, queued jobs, and 202 instead of 500 (docs/runbooks/high-error-rate.md).
The calls are idempotent, so one without an answer is repeated. Tokens are read when they are used,
and appear in no error.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.support.heartbeats import beating
from activities.support.http import shown
from activities.support.secrets import SecretMissing, resolve
from models.actions.change import ActionResult, Perform
from models.actions.surroundings import Degrade, RestoreService
from models.base import in_words
from models.service.surroundings import Degradation, SwitchCall

WITHIN = timedelta(seconds=5)
"""How long one call may take."""

_CALLS = 3
_PAUSE = timedelta(seconds=1)


class DegradationActivities:
    """Calls the switches. The client is shared; each call has a connection of its own."""

    def __init__(self, client: httpx.AsyncClient, within: timedelta = WITHIN) -> None:
        self._client = client
        self._within = within

    @activity.defn
    async def degrade(self, request: Perform[Degrade]) -> ActionResult:
        """Throw the switch on: done when it answers 2xx. Safe to repeat."""
        return await self._throw(_configured(request.action).on, "the degraded mode was switched on")

    @activity.defn
    async def restore_service(self, request: Perform[RestoreService]) -> ActionResult:
        """Throw the switch off: done when it answers 2xx. Safe to repeat."""
        return await self._throw(_configured(request.action).off, "the degraded mode was switched off")

    async def _throw(self, switch: SwitchCall, done: str) -> ActionResult:
        headers = _headers(switch)
        found = ""
        async with beating():
            for call in range(_CALLS):
                if call:
                    await asyncio.sleep(_PAUSE.total_seconds())
                status, found = await self._call(switch, headers)
                if status is not None and 200 <= status < 300:
                    return _effect(True, f"{done}: {found}")
                if status is not None and status < 500 and status != 429:
                    break
        return _effect(False, found)

    async def _call(self, switch: SwitchCall, headers: dict[str, str]) -> tuple[int | None, str]:
        """The status, if one came, and what is told of it."""
        where = shown(switch.url)
        try:
            async with (
                asyncio.timeout(self._within.total_seconds()),
                self._client.stream(
                    switch.method, switch.url, json=switch.body, headers=headers, follow_redirects=False
                ) as answer,
            ):
                return answer.status_code, f"answered {answer.status_code} at {where}"
        except (TimeoutError, httpx.TimeoutException):
            return (
                None,
                f"no answer within {in_words(self._within)} at {where}: it may have taken it all the same",
            )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # The text of these may quote a header: only the kind is told.
            return None, f"cannot call {where} ({type(error).__name__})"


def _configured(action: Degrade | RestoreService) -> Degradation:
    degradation = action.service.degradation
    if degradation is None:
        raise _final(f"no degradation is configured for {action.service.name}", "Unsupported")
    return degradation


def _headers(switch: SwitchCall) -> dict[str, str]:
    headers = {"Connection": "close"}
    if switch.token is None:
        return headers
    try:
        return {**headers, "Authorization": f"Bearer {resolve(switch.token)}"}
    except SecretMissing as missing:
        raise _final(str(missing), "SecretMissing") from None


def _final(message: str, kind: str) -> ApplicationError:
    return ApplicationError(message, type=kind, non_retryable=True)


def _effect(done: bool, found: str) -> ActionResult:
    return ActionResult(done=done, found=found, at=datetime.now(UTC))
