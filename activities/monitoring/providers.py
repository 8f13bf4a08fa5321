"""The external providers, each asked at the address of the configuration, all at the same time.

Evidence for the cause "external API down" of HighErrorRate.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import httpx
from temporalio import activity

from activities.health.body import DEGRADED, NOT_WELL, content_of, decoded, is_markup, plain_word
from activities.monitoring.metrics import LabelledValue, QueryByLabel
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.shares import no_share
from activities.support.http import Answer, Fault, NoAnswer, ask, retry_after, shown
from activities.support.metric_watch import SAMPLE_EVERY
from activities.support.redaction import clean
from activities.support.stability import Patience
from activities.support.watch import watch
from models.base import Model
from models.evidence.evidence import Evidence, Finding, VerificationResult
from models.service.request import ServiceRequest
from models.service.service import Service
from models.service.surroundings import Provider

"""And more often only in a window so short that three looks would not fit."""

BODY_LIMIT = 64 * 1024
MOST_PROVIDERS = 50

_DOWN = (Fault.REFUSED, Fault.CLOSED, Fault.TIMED_OUT)
_OUR_NETWORK = (407, 511)
"""A proxy in between asks who we are."""
_SPEAKS_ANOTHER_WAY = (501, 505)
_INDICATORS = {"none": Finding.OK, "major": Finding.BAD, "critical": Finding.BAD}
"""The words of a status page; `minor` and `maintenance` say that some of it may be down."""


class ProviderKind(StrEnum):
    UP = "up"
    DOWN = "down"
    RATE_LIMITED = "rate-limited"
    REFUSES_US = "refuses-us"
    """It is there, and does not tell us whether it serves the application."""
    NO_API = "no-api"
    """What answers is not the provider: a page, a redirect, a proxy."""
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


class ProviderCallsSeen(Evidence):
    """How the application's own calls fare: `bad` when too many to one provider fail."""

    failing: tuple[LabelledValue, ...] = ()
    serving: tuple[str, ...] = ()


class WatchProviders(ServiceRequest):
    """Sample until every provider served us for `stable_for`, at most for `at_most`."""

    stable_for: timedelta
    at_most: timedelta
    by_calls: bool = False
    """The probe did not see that one is down: only the application's calls show that it is back."""


class ProviderActivities:
    """Asks providers with one shared HTTP client, without credentials: what costs money is never called."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._prometheus = Prometheus(client)

    @activity.defn
    async def probe_providers(self, service: Service) -> ProvidersSeen:
        """One `GET` each. `ok` is only what answers well: what refuses us (401) may refuse us alone.

        A name that does not resolve is `unknown`: it is more often our network than theirs.
        """
        asked = (self._probe(name, provider) for name, provider in service.providers.items())
        seen = tuple(await asyncio.gather(*asked))
        finding, reason = _together(seen)
        return ProvidersSeen(finding=finding, reason=reason, providers=seen, observed_at=datetime.now(UTC))

    @activity.defn
    async def look_at_provider_calls(self, service: Service) -> ProviderCallsSeen:
        """The share of the application's own calls that fail, by provider, from its metrics."""
        metrics, now = service.metrics, datetime.now(UTC)
        if metrics is None or not metrics.by_provider:
            return ProviderCallsSeen(reason="no `metrics.by_provider` is configured", observed_at=now)
        query = QueryByLabel(
            url=metrics.prometheus,
            query=metrics.by_provider,
            samples=metrics.samples,
            fresh_for=metrics.fresh_for,
            label="provider",
            top=MOST_PROVIDERS,
        )
        seen = await self._prometheus.query_by_label(query)
        if not seen.values:
            return ProviderCallsSeen(reason=seen.reason, observed_at=now)
        if wrong := no_share("metrics.by_provider", (one.value for one in seen.values)):
            return ProviderCallsSeen(reason=wrong, observed_at=now)
        failing = tuple(one for one in seen.values if one.value > metrics.provider_threshold)
        words = ", ".join(f"{one.value:.0%} to {one.label or 'no name'}" for one in seen.values[:3])
        return ProviderCallsSeen(
            finding=Finding.BAD if failing else Finding.OK,
            reason=f"of the application's own calls fail: {words}",
            failing=failing,
            serving=tuple(one.label for one in seen.values if one not in failing),
            observed_at=now,
        )

    @activity.defn
    async def watch_providers(self, request: WatchProviders) -> VerificationResult:
        """Wait until every provider served us for the window, or the limit is reached."""
        every = min(SAMPLE_EVERY, request.stable_for / 3)
        pace = Patience(every=every, stable_for=request.stable_for, at_most=request.at_most)
        return await watch(lambda: self._back(request), pace)

    async def _back(self, request: WatchProviders) -> Evidence:
        """Whoever saw that a provider is down must see that it is back."""
        probed = await self.probe_providers(request.service)
        if probed.bad or (probed.ok and not request.by_calls):
            return probed
        calls = await self.look_at_provider_calls(request.service)
        if request.by_calls or calls.bad:
            return calls
        answers = all(one.kind in (ProviderKind.UP, ProviderKind.REFUSES_US) for one in probed.providers)
        return probed.model_copy(update={"finding": Finding.OK}) if answers else probed

    async def _probe(self, name: str, provider: Provider) -> ProviderSeen:
        began = time.monotonic()
        try:
            answer = await ask(self._client, provider.url, within=provider.timeout, limit=BODY_LIMIT)
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
    finding, kind, what = _meaning(answer)
    return ProviderSeen(
        name=name,
        finding=finding,
        kind=kind,
        reason=f"answered {answer.status} at {shown(provider.url)}{what and ', '}{what}",
        status=answer.status,
        retry_after=retry_after(answer.retry_after),
        latency=latency,
    )


def _meaning(answer: Answer) -> tuple[Finding, ProviderKind, str]:
    """What one answer says, and what is added to it for people."""
    status = answer.status
    if status == 429:
        return Finding.BAD, ProviderKind.RATE_LIMITED, "which limits us"
    if status in _OUR_NETWORK or 300 <= status < 400:
        return Finding.UNKNOWN, ProviderKind.NO_API, "which is somebody in between"
    if status >= 500 and status not in _SPEAKS_ANOTHER_WAY:
        return Finding.BAD, ProviderKind.DOWN, ""
    if status < 200 or status >= 300:
        return Finding.UNKNOWN, ProviderKind.REFUSES_US, "which says nothing of how it serves the application"
    return _of_body(content_of(decoded(answer.body)))


def _of_body(content: object) -> tuple[Finding, ProviderKind, str]:
    """A good status: what the body says all the same."""
    if is_markup(content):
        return (
            Finding.UNKNOWN,
            ProviderKind.NO_API,
            "with a page instead of its API: perhaps a proxy in between",
        )
    state = content.get("status") if isinstance(content, dict) else None
    if isinstance(state, dict) and isinstance(word := state.get("indicator"), str):
        finding = _INDICATORS.get(word, Finding.UNKNOWN)
    else:
        word = plain_word(state) or ""
        finding = Finding.BAD if word in NOT_WELL else Finding.UNKNOWN if word in DEGRADED else Finding.OK
    if finding is Finding.OK:
        return finding, ProviderKind.UP, ""
    kind = ProviderKind.DOWN if finding is Finding.BAD else ProviderKind.NOT_SEEN
    return finding, kind, f"and says {clean(str(word), 60)}"


def _together(seen: tuple[ProviderSeen, ...]) -> tuple[Finding, str]:
    if not seen:
        return Finding.UNKNOWN, "no providers are configured"
    for finding in (Finding.BAD, Finding.UNKNOWN):
        worst = [f"{one.name}: {one.reason}" for one in seen if one.finding is finding]
        if worst:
            return finding, "; ".join(worst)
    return Finding.OK, "all answer: " + ", ".join(one.name for one in seen)
