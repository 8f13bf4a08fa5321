"""The health check of a service: one probe, and the watch over a stability window.

`runbook.md`, ServiceDown: "Verify the alert" and "Monitor for 5 minutes". Refused, timed out,
wrong status and an unhealthy body are four different findings, and all of them are `bad`. What
says nothing about the service (no such name, no route, a check that cannot be asked) is `unknown`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum

import httpx
from pydantic_core import from_json
from temporalio import activity

from activities.support.http import Answer, Cut, Fault, NoAnswer, ask, shown
from activities.support.redaction import clean
from activities.support.stability import Pace
from activities.support.watch import watch
from models.base import in_words
from models.evidence.evidence import Evidence, Finding, Watched, WatchService
from models.service.service import HealthCheck, Service


class HealthKind(StrEnum):
    """The ways in which a health check answers; each is a finding of its own."""

    HEALTHY = "healthy"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    WRONG_STATUS = "wrong-status"
    UNHEALTHY_BODY = "unhealthy-body"
    UNREACHABLE = "unreachable"
    NOT_CHECKED = "not-checked"


class HealthSeen(Evidence):
    """One probe of the health check. `latency` in seconds; `body` is an excerpt, redacted."""

    kind: HealthKind = HealthKind.NOT_CHECKED
    status: int | None = None
    body: str = ""
    latency: float | None = None


BODY_LIMIT = 64 * 1024
"""Bytes of a health answer that are read; a larger one is not a health answer."""

_BAD = {Fault.REFUSED: HealthKind.REFUSED, Fault.TIMED_OUT: HealthKind.TIMED_OUT}
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
    async def watch_health(self, request: WatchService) -> Watched:
        """Probe until the service was healthy without a break for the window, or cannot become so.

        The samples ride in the heartbeats: another worker goes on with them. Run it with a
        heartbeat time-out of about 10 s; the SDK then sends the newest samples every 8 s at
        the latest, so that a kill loses one or two of them.
        """
        check = request.service.health
        if check is None:
            reason = f"no health check is configured for {request.service.name}"
            return Watched(reason=reason, observed_at=datetime.now(UTC))
        pace = Pace(every=check.every, settle=check.settle, stable_for=request.stable_for)
        return await watch(lambda: self._probe(check), pace)

    async def _probe(self, check: HealthCheck) -> HealthSeen:
        began = time.monotonic()
        try:
            # Without a field the status says it all, and the body is not waited for.
            limit = BODY_LIMIT if check.field else 0
            answer = await ask(self._client, check.url, within=check.timeout, limit=limit)
        except NoAnswer as no_answer:
            kind = _BAD.get(no_answer.fault, HealthKind.UNREACHABLE)
            finding = Finding.BAD if no_answer.fault in _BAD else Finding.UNKNOWN
            seen = HealthSeen(finding=finding, kind=kind, reason=no_answer.reason)
        else:
            seen = _judge(check, answer)
        latency = round(time.monotonic() - began, 4)
        return seen.model_copy(update={"latency": latency, "observed_at": datetime.now(UTC)})


def _judge(check: HealthCheck, answer: Answer) -> HealthSeen:
    where = shown(check.url)
    if not 200 <= answer.status < 300:
        redirect = f"redirects to {clean(answer.location)}" if answer.location else ""
        return HealthSeen(
            finding=Finding.BAD,
            kind=HealthKind.WRONG_STATUS,
            reason=f"answered {answer.status} at {where}",
            status=answer.status,
            body=redirect or answer.excerpt,
        )
    if answer.cut is Cut.TIME and check.field:
        return HealthSeen(
            finding=Finding.BAD,
            kind=HealthKind.TIMED_OUT,
            reason=f"answer not finished within {in_words(check.timeout)} at {where}",
            status=answer.status,
            body=answer.excerpt,
        )
    if wrong := _wrong_body(check, answer):
        return HealthSeen(
            finding=Finding.BAD,
            kind=HealthKind.UNHEALTHY_BODY,
            reason=f"answered {answer.status} at {where}, but {wrong}",
            status=answer.status,
            body=answer.excerpt,
        )
    return HealthSeen(
        finding=Finding.OK,
        kind=HealthKind.HEALTHY,
        reason=f"healthy at {where}",
        status=answer.status,
        body=answer.excerpt,
    )


def _wrong_body(check: HealthCheck, answer: Answer) -> str:
    """What is wrong with the body of a good status; empty when nothing is."""
    if check.field is None:
        return ""
    if answer.cut is Cut.SIZE:
        return f"with more than {BODY_LIMIT // 1024} KiB"
    if answer.cut is Cut.BROKEN:
        return "broke off in the middle"
    try:
        content = from_json(answer.body)
    except ValueError:  # also what is nested too deeply to be looked at
        return "the body is not JSON"
    if not isinstance(content, dict) or check.field not in content:
        return f"the body has no field {check.field!r}"
    return _wrong_value(check, content[check.field])


def _wrong_value(check: HealthCheck, value: object) -> str:
    word = str(value).lower() if isinstance(value, str | int | float) else "a structure"
    healthy = (one.lower() for one in check.healthy)
    return "" if word in healthy else f"{check.field} is {clean(word, 60)}"
