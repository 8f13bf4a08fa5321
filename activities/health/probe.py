"""The health check of a service: one probe, and the verification over a stability window.

Refused, reset, timed out, 5xx and an unhealthy body are findings of their own, and all of them are
`bad`. What says nothing about the service (no such name, no route, a check that cannot be asked
or does not fit) is `unknown`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
from temporalio import activity

from activities.health.health_seen import HealthKind, HealthSeen
from activities.health.judge import BODY_LIMIT, judge
from activities.support.http import Fault, NoAnswer, ask
from activities.support.stability import Pace
from activities.support.watch import watch
from models.evidence.evidence import Finding, VerificationRequest, VerificationResult
from models.service.service import HealthCheck, Service

_BAD = {
    Fault.REFUSED: HealthKind.REFUSED,
    Fault.CLOSED: HealthKind.RESET,
    Fault.TIMED_OUT: HealthKind.TIMED_OUT,
}
"""What tells something about the service. Every other failure to ask is our own blindness."""


class HealthActivities:
    """Asks health checks with one shared HTTP client."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @activity.defn
    async def probe_health(self, service: Service) -> HealthSeen:
        """One `GET` of the health check, over within its time-out. Never raises for the service's trouble."""
        if service.health is None:
            reason = f"no health check is configured for {service.name}"
            return HealthSeen(reason=reason, observed_at=datetime.now(UTC))
        return await self._probe(service.health)

    @activity.defn
    async def watch_health(self, request: VerificationRequest) -> VerificationResult:
        """Probe until the service was healthy without a break for the window, or cannot become so.

        The samples ride in the heartbeats: another worker goes on with them. Run it with a
        heartbeat time-out of about 10 s; the SDK then sends the newest samples every 8 s at
        the latest, so that a kill loses one or two of them.
        """
        check = request.service.health
        if check is None:
            reason = f"no health check is configured for {request.service.name}"
            return VerificationResult(reason=reason, observed_at=datetime.now(UTC))
        pace = Pace(every=check.every, settle=check.settle, stable_for=request.stable_for)
        return await watch(lambda: self._sample(check), pace)

    async def _sample(self, check: HealthCheck) -> HealthSeen:
        """A probe that must prove a recovery: who answers, and cannot say that it is well, proves none."""
        seen = await self._probe(check)
        return seen.model_copy(update={"finding": Finding.BAD}) if seen.does_not_fit else seen

    async def _probe(self, check: HealthCheck) -> HealthSeen:
        began = time.monotonic()
        try:
            # Without a field a good status says it all, and its body is not waited for.
            limit = BODY_LIMIT if check.field else 0
            within = check.timeout
            answer = await ask(self._client, check.url, within=within, limit=limit, error_limit=BODY_LIMIT)
        except NoAnswer as no_answer:
            seen = _without_answer(check, no_answer)
        else:
            seen = judge(check, answer)
        latency = round(time.monotonic() - began, 4)
        return seen.model_copy(update={"latency": latency, "observed_at": datetime.now(UTC)})


def _without_answer(check: HealthCheck, no_answer: NoAnswer) -> HealthSeen:
    if no_answer.fault is Fault.NOT_HTTP:
        change = "correct the scheme or the port in `health.url`"
        reason = f"the health check does not fit: {no_answer.reason}; {change}"
        return HealthSeen(kind=HealthKind.DOES_NOT_FIT, reason=reason, change=change)
    kind = _BAD.get(no_answer.fault, HealthKind.UNREACHABLE)
    finding = Finding.BAD if no_answer.fault in _BAD else Finding.UNKNOWN
    return HealthSeen(finding=finding, kind=kind, reason=no_answer.reason)
