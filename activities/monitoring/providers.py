"""The external providers, each asked at the address of the configuration, all at the same time.

`runbook.md`, HighErrorRate: "Check API status page"; NoVideosGenerated: "Check Pika API status".
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import httpx
from temporalio import activity

from activities.support.http import Answer, Fault, NoAnswer, ask, retry_after, shown
from activities.support.stability import Patience
from activities.support.watch import watch
from models.base import Model
from models.evidence.evidence import Evidence, Finding, Watched
from models.service.request import ServiceRequest
from models.service.service import Service
from models.service.surroundings import Provider

SAMPLE_EVERY = timedelta(seconds=5)
"""And more often only in a window so short that three looks would not fit."""

_DOWN = (Fault.REFUSED, Fault.CLOSED, Fault.TIMED_OUT)


class ProviderKind(StrEnum):
    UP = "up"
    DOWN = "down"
    RATE_LIMITED = "rate-limited"
    NOT_SEEN = "not-seen"


class ProviderSeen(Model):
    """One provider. `retry_after`: as it said when it limits us; `latency` in seconds."""

    name: str
    finding: Finding
    reason: str
    kind: ProviderKind
    status: int | None = None
    retry_after: timedelta | None = None
    latency: float | None = None


class ProvidersSeen(Evidence):
    """`bad` when one of them does not serve us, `ok` when all do."""

    providers: tuple[ProviderSeen, ...] = ()

    @property
    def down(self) -> tuple[ProviderSeen, ...]:
        """Those that are known not to serve us."""
        return tuple(one for one in self.providers if one.finding is Finding.BAD)


class WatchProviders(ServiceRequest):
    """Watch until every provider served us for `stable_for`, but no longer than `at_most`."""

    stable_for: timedelta
    at_most: timedelta


class ProviderActivities:
    """Asks providers with one shared HTTP client, without credentials: what costs money is never called."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @activity.defn
    async def probe_providers(self, service: Service) -> ProvidersSeen:
        """One `GET` each. Any answer under 500 means up: an API that asks who we are (401) is there.

        A name that does not resolve is `unknown`: it is more often our network than theirs.
        """
        asked = (self._probe(name, provider) for name, provider in service.providers.items())
        seen = tuple(await asyncio.gather(*asked))
        finding, reason = _together(seen)
        return ProvidersSeen(finding=finding, reason=reason, providers=seen, observed_at=datetime.now(UTC))

    @activity.defn
    async def watch_providers(self, request: WatchProviders) -> Watched:
        """Wait until every provider served us for the window, or the limit is reached."""
        every = min(SAMPLE_EVERY, request.stable_for / 3)
        pace = Patience(every=every, stable_for=request.stable_for, at_most=request.at_most)
        return await watch(lambda: self.probe_providers(request.service), pace)

    async def _probe(self, name: str, provider: Provider) -> ProviderSeen:
        began = time.monotonic()
        try:
            answer = await ask(self._client, provider.url, within=provider.timeout, limit=0)
        except NoAnswer as no_answer:
            down = no_answer.fault in _DOWN
            return ProviderSeen(
                name=name,
                finding=Finding.BAD if down else Finding.UNKNOWN,
                kind=ProviderKind.DOWN if down else ProviderKind.NOT_SEEN,
                reason=no_answer.reason,
            )
        return _judge(name, provider, answer, round(time.monotonic() - began, 4))


def _judge(name: str, provider: Provider, answer: Answer, latency: float) -> ProviderSeen:
    finding, kind = Finding.OK, ProviderKind.UP
    if answer.status == 429:
        finding, kind = Finding.BAD, ProviderKind.RATE_LIMITED
    elif answer.status >= 500:
        finding, kind = Finding.BAD, ProviderKind.DOWN
    return ProviderSeen(
        name=name,
        finding=finding,
        kind=kind,
        reason=f"answered {answer.status} at {shown(provider.url)}",
        status=answer.status,
        retry_after=retry_after(answer.retry_after),
        latency=latency,
    )


def _together(seen: tuple[ProviderSeen, ...]) -> tuple[Finding, str]:
    if not seen:
        return Finding.UNKNOWN, "no providers are configured"
    for finding in (Finding.BAD, Finding.UNKNOWN):
        worst = [f"{one.name}: {one.reason}" for one in seen if one.finding is finding]
        if worst:
            return finding, "; ".join(worst)
    return Finding.OK, "all answer: " + ", ".join(one.name for one in seen)
