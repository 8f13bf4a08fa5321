"""What the backend needs of others: a provider of texts, the orchestrator, and Sentry for its errors."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from demo.backend.metrics import CALLS
from demo.backend.pool import env_settings

log = logging.getLogger("backend")

ANSWER_WITHIN = 1.0
"""Seconds that one of them has for an answer."""
FAILURES_THAT_OPEN = 3
"""Failures in a row after which the circuit is said to be open."""
_UNREPORTED = 50


class OutsideError(Exception):
    """One of them failed us: a provider does not answer, or the workflow that was asked for failed."""


class LimitedError(OutsideError):
    """The shop limits us."""

    def __init__(self, says: str, retry_after: str) -> None:
        super().__init__(says)
        self.retry_after = retry_after


@dataclass(frozen=True)
class Around:
    """The addresses, written by the stack that starts them; and the token of the degraded mode."""

    provider: str
    orchestrator: str
    sentry: str
    switch_token: str
    generator: str


class Outside:
    """Calls them. Without `around.json` nothing is called, and everything is said to have worked."""

    def __init__(self, file: Path) -> None:
        self.around = Around(**json.loads(file.read_text())) if file.exists() else None
        self._key = env_settings().get("AMAZON_ACCESS_KEY") or ""
        self._failures = 0
        self._errors: asyncio.Queue[tuple[str, str]] = asyncio.Queue(_UNREPORTED)

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(timeout=ANSWER_WITHIN, trust_env=False)
        self._reporting = asyncio.create_task(self._report_errors())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reporting.cancel()
        await self._client.aclose()

    async def ideas(self) -> list[str]:
        """Ideas for videos, written by the provider. Raises `OutsideError`."""
        if self.around is None:
            return ["product 1 in sixty seconds"]
        try:
            with CALLS.labels("openai").time():
                answer = await self._ask(f"{self.around.provider}/v1/completions")
        except httpx.HTTPError as error:
            self._note_failure()
            raise OutsideError(f"OpenAI API error: {_reason(error)}") from error
        if self._failures >= FAILURES_THAT_OPEN:
            log.info("openai answers again")
        self._failures = 0
        return [str(text) for text in answer["texts"]]

    async def sync_products(self, limit: int | None) -> int | None:
        """How many products the orchestrator's workflow fetched; None for all that there are.

        Raises `OutsideError`, and `LimitedError` for a rate limit.
        """
        if self.around is None:
            return limit
        url, headers = f"{self.around.orchestrator}/sync-products", {"X-Key": self._key}
        try:
            answer = await self._client.post(url, json={"limit": limit}, headers=headers)
            answer.raise_for_status()
        except httpx.HTTPStatusError as error:
            says = str(error.response.json().get("error") or _reason(error))
            log.error("products: %s", says)  # noqa: TRY400  its own words say it all
            if error.response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                raise LimitedError(says, error.response.headers.get("Retry-After", "")) from error
            raise OutsideError(f"workflow SyncProducts failed: {says}") from error
        except httpx.HTTPError as error:
            raise OutsideError(f"workflow SyncProducts failed: {_reason(error)}") from error
        return int(answer.json()["synced"])

    async def generate_videos(self, *, backup: bool) -> bool:
        """Have the orchestrator's workflow make videos, by the usual generator or the backup.

        False where there is no orchestrator. Raises `OutsideError` when it cannot be asked.
        """
        if self.around is None:
            return False
        usual = f"{self.around.generator}/v1/videos"
        generator = f"{self.around.provider}/v1/completions" if backup else usual
        url = f"{self.around.orchestrator}/generate-videos"
        try:
            answer = await self._client.post(url, json={"generator": generator})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise OutsideError(f"workflow GenerateVideos was not started: {_reason(error)}") from error
        return True

    def report(self, title: str, where: str) -> None:
        """Tell Sentry of an error, later; nobody waits for it, and too many are dropped."""
        with suppress(asyncio.QueueFull):
            self._errors.put_nowait((title, where))

    def _note_failure(self) -> None:
        self._failures += 1
        if self._failures == FAILURES_THAT_OPEN:
            log.error("circuit for openai is open after %d failures", self._failures)

    async def _ask(self, url: str) -> dict[str, Any]:
        answer = await self._client.post(url)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content

    async def _report_errors(self) -> None:
        while True:
            title, where = await self._errors.get()
            if self.around is not None:
                with suppress(httpx.HTTPError):  # Sentry away is no trouble of ours
                    await self._client.post(self.around.sentry, json={"title": title, "culprit": where})


def _reason(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"answered {error.response.status_code}"
    return "timeout" if isinstance(error, httpx.TimeoutException) else "connection refused"
