"""How fast each external provider answers: by the service's own calls, else by a probe.

A provider of texts may take ten seconds on its best day: it is slow only if it also takes longer
than is usual for it, where that is known.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from statistics import median

import httpx
from temporalio import activity

from activities.monitoring.latency import usually
from activities.monitoring.metrics import LabelledValue, QueryByLabel
from activities.monitoring.prometheus import Prometheus
from activities.monitoring.providers import MOST_PROVIDERS, ProviderActivities, ProviderKind, WatchProviders
from activities.support.metric_watch import SAMPLE_EVERY
from activities.support.stability import Patience
from activities.support.watch import watch
from models.evidence.evidence import Evidence, Finding, VerificationResult
from models.service.service import Service
from models.service.surroundings import ErrorMetrics

PROBES = 3
"""One slow answer is no slow provider."""
PROBES_WITHIN = 5.0
"""Seconds after which no further probe is begun: a look has 15."""
FEWEST_CALLS = 3
"""Of fewer calls the slowest alone is their quantile."""
UNUSUAL = 2
"""So many times its usual time, a provider is slower than usual."""

_OF_BUCKETS = re.compile(r"\s*histogram_quantile\(\s*[\d.]+\s*,(?P<buckets>.*)\)\s*", re.DOTALL)


class ProviderTimesSeen(Evidence):
    """The time that each provider takes, in seconds; `bad` when one of them is slow."""

    slow: tuple[LabelledValue, ...] = ()
    """The slowest first."""
    fast: tuple[str, ...] = ()
    by_calls: bool = False
    """Whether the service's own calls show it, and not a probe."""
    probed_fast: tuple[str, ...] = ()
    """Of those that are slow by its calls, the ones that answered a probe in time: the calls may wait for the
    service itself."""


class WatchProviderTimes(WatchProviders):
    """Sample until every provider was fast for `stable_for`, at most for `at_most`."""

    only_by_calls: tuple[str, ...] = ()
    """Those that answered a probe in time while they were slow: only the service's own calls show that they
    are fast again."""


class ProviderTimeActivities:
    """Asks Prometheus, or else each provider itself, without credentials."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._prometheus = Prometheus(client)
        self._providers = ProviderActivities(client)

    @activity.defn
    async def look_at_provider_times(self, service: Service) -> ProviderTimesSeen:
        """By the service's own calls; without any of them, by probes of all providers at the same time."""
        metrics = service.metrics
        if metrics is None:
            return _unknown(f"no metrics are configured for {service.name}")
        if metrics.latency.by_provider:
            calls = await self._of_several_calls(metrics)
            if calls:
                usual = await self._calls(metrics, usually_by_provider(metrics))
                seen = judged(calls, usual, metrics.latency.provider_threshold, by_calls=True)
                return seen if seen.ok else await self._beside_a_probe(service, metrics, seen)
        if not service.providers:
            return _unknown("no providers are configured")
        probed = await self._probed(service)
        return judged(probed, {}, metrics.latency.provider_threshold, by_calls=False)

    @activity.defn
    async def watch_provider_times(self, request: WatchProviderTimes) -> VerificationResult:
        """Wait until every provider was fast for the window, or the limit is reached."""
        every = min(SAMPLE_EVERY, request.stable_for / 3)
        pace = Patience(every=every, stable_for=request.stable_for, at_most=request.at_most)
        return await watch(lambda: self._sample(request), pace)

    async def _sample(self, request: WatchProviderTimes) -> ProviderTimesSeen:
        """A probe proves nothing of those that it never saw slow."""
        seen = await self.look_at_provider_times(request.service)
        shown = seen.fast if seen.by_calls else ()
        unproved = [name for name in request.only_by_calls if name not in shown]
        if seen.ok and unproved:
            names = ", ".join(unproved)
            return _unknown(f"no call to {names} shows whether it is fast again; a probe was so all the time")
        return seen

    async def _beside_a_probe(
        self, service: Service, metrics: ErrorMetrics, seen: ProviderTimesSeen
    ) -> ProviderTimesSeen:
        probed = judged(await self._probed(service), {}, metrics.latency.provider_threshold, by_calls=False)
        fast = {name.casefold() for name in probed.fast}
        both = tuple(one.label for one in seen.slow if one.label.casefold() in fast)
        return seen.model_copy(update={"probed_fast": both})

    async def _of_several_calls(self, metrics: ErrorMetrics) -> dict[str, float]:
        """Without those of too few calls to judge by, where the buckets tell that."""
        calls = await self._calls(metrics, metrics.latency.by_provider)
        found = _OF_BUCKETS.fullmatch(metrics.latency.by_provider)
        if not found:
            return calls
        rates = await self._calls(metrics, f"max by (provider) ({found['buckets']})")
        window = metrics.window.total_seconds()
        return {
            name: value
            for name, value in calls.items()
            if name not in rates or round(rates[name] * window) >= FEWEST_CALLS
        }

    async def _calls(self, metrics: ErrorMetrics, query: str) -> dict[str, float]:
        seen = await self._prometheus.query_by_label(
            QueryByLabel(url=metrics.prometheus, query=query, label="provider", top=MOST_PROVIDERS)
        )
        return {one.label: one.value for one in seen.values if one.value >= 0}

    async def _probed(self, service: Service) -> dict[str, float]:
        """The median of a few probes each. No answer in time is at least that time; no route is nothing."""
        times: dict[str, list[float]] = defaultdict(list)
        began = time.monotonic()
        for nth in range(PROBES):
            if nth and time.monotonic() - began > PROBES_WITHIN:
                break
            seen = await self._providers.probe_providers(service)
            for one in seen.providers:
                waited = service.providers[one.name].timeout.total_seconds()
                if one.latency is not None and one.kind is not ProviderKind.NO_API:
                    times[one.name].append(one.latency)
                elif one.kind is ProviderKind.DOWN and time.monotonic() - began >= waited:
                    times[one.name].append(waited)
        return {name: median(several) for name, several in times.items()}


def usually_by_provider(metrics: ErrorMetrics) -> str:
    return usually(metrics.latency.by_provider, metrics.latency.usual_over, metrics.window)


def judged(
    times: dict[str, float], usual: dict[str, float], threshold: timedelta, *, by_calls: bool
) -> ProviderTimesSeen:
    """Slow is over the threshold, and over twice what is usual for it."""
    limit = threshold.total_seconds()
    slow = [
        LabelledValue(label=name, value=seconds)
        for name, seconds in times.items()
        if seconds > limit and seconds > UNUSUAL * usual.get(name, 0)
    ]
    slow.sort(key=lambda one: (-one.value, one.label))
    if not times:
        return _unknown("no provider could be asked")
    how = "by the service's own calls" if by_calls else "by a probe"
    return ProviderTimesSeen(
        finding=Finding.BAD if slow else Finding.OK,
        reason=f"{how}: {_words(slow or _labelled(times), usual)}",
        observed_at=datetime.now(UTC),
        slow=tuple(slow),
        fast=tuple(name for name in times if name not in {one.label for one in slow}),
        by_calls=by_calls,
    )


def _labelled(times: dict[str, float]) -> list[LabelledValue]:
    return [LabelledValue(label=name, value=seconds) for name, seconds in times.items()]


def _words(seen: Iterable[LabelledValue], usual: dict[str, float]) -> str:
    return ", ".join(
        f"{one.label or 'no name'} takes {one.value:.2g} s"
        + (f", usually {usual[one.label]:.2g} s" if one.label in usual else "")
        for one in list(seen)[:5]
    )


def _unknown(reason: str) -> ProviderTimesSeen:
    return ProviderTimesSeen(reason=reason, observed_at=datetime.now(UTC))
