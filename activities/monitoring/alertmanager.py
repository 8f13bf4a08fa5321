"""The source of an alert: does Alertmanager agree that it is over?

Our own probe may be green while the alert still fires. Its source has a decay of its own (the
rule's window, the evaluation, the grouping), so it is asked again and again for a while.
Alertmanager API v2; v1 is gone since 0.27.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from temporalio import activity

from activities.support.heartbeats import beating
from activities.support.http import NoAnswer, ask, shown
from models.base import Model, in_words
from models.configuration.configuration import USUAL_LABELS
from models.evidence.evidence import Evidence, Finding
from models.incident.alert import Alert

EVERY = timedelta(seconds=5)
ANSWER_WITHIN = timedelta(seconds=5)
ANSWER_LIMIT = 2**20
RELEARNS_WITHIN = timedelta(minutes=2)
"""Prometheus sends a firing alert again every minute: only after this does a restarted Alertmanager know."""


class AskSource(Model):
    """Ask the alert's source, for at most `within`, whether this alert is over."""

    url: str
    """Base address of Alertmanager."""
    alert: Alert
    within: timedelta


class AlertSourceSeen(Evidence):
    """Whether the alert's source agrees that it is over: `ok` agrees, `bad` still fires."""


class _ActiveAlert(BaseModel):
    """The part of a `gettableAlert` that tells whose alert it is; silenced ones are active too."""

    fingerprint: str
    labels: dict[str, str]

    def concerns(self, alert: Alert) -> bool:
        if self.labels.get("alertname") != _called(alert):
            return False
        if alert.fingerprint and self.fingerprint == alert.fingerprint:
            return True
        names = _services(alert)
        if "service" in self.labels:
            return self.labels["service"] in names
        return not names.isdisjoint(self.labels.values())


class _Status(BaseModel):
    """`/api/v2/status`: `uptime` is, in spite of its name, when Alertmanager started."""

    uptime: AwareDatetime


_ACTIVE_ALERTS = TypeAdapter(list[_ActiveAlert])


class Asking(Model):
    """Rides in the heartbeats, so that another worker keeps to the same end."""

    until: datetime


class AlertSourceActivities:
    """Asks Alertmanager with one shared HTTP client, every few seconds."""

    def __init__(self, client: httpx.AsyncClient, every: timedelta = EVERY) -> None:
        self._client = client
        self._every = every.total_seconds()

    @activity.defn
    async def ask_source(self, request: AskSource) -> AlertSourceSeen:
        """Ask until the alert is gone, at least once, for at most `within`. Never raises for its trouble."""
        asking = _resumed() or Asking(until=datetime.now(UTC) + request.within)
        async with beating(lambda: asking):
            while True:
                began = time.monotonic()
                seen = await self._ask(request)
                if seen.ok or datetime.now(UTC) >= asking.until:
                    return seen
                left = (asking.until - datetime.now(UTC)).total_seconds()
                spent = time.monotonic() - began
                await asyncio.sleep(max(0.0, min(self._every - spent, left)))

    async def _ask(self, request: AskSource) -> AlertSourceSeen:
        alert, now = request.alert, datetime.now(UTC)
        try:
            active = await self._active(request.url, alert)
            started_at = await self._started_at(request.url)
        except NoAnswer as no_answer:
            return AlertSourceSeen(
                reason=f"Alertmanager cannot be asked: {no_answer.reason}", observed_at=now
            )
        except ValidationError:
            reason = f"Alertmanager's answer at {shown(request.url)} is not understood"
            return AlertSourceSeen(reason=reason, observed_at=now)
        if any(one.concerns(alert) for one in active):
            reason = f"Alertmanager still has {alert.name} for {alert.service}"
            return AlertSourceSeen(finding=Finding.BAD, reason=reason, observed_at=now)
        age = now - started_at
        if started_at > alert.starts_at and age < RELEARNS_WITHIN:
            reason = f"Alertmanager started {in_words(age)} ago and may not have heard of the alert yet"
            return AlertSourceSeen(reason=reason, observed_at=now)
        reason = "Alertmanager agrees: no such alert is active"
        return AlertSourceSeen(finding=Finding.OK, reason=reason, observed_at=now)

    async def _active(self, url: str, alert: Alert) -> list[_ActiveAlert]:
        params = {"filter": f"alertname={_quoted(_called(alert))}", "active": "true"}
        return _ACTIVE_ALERTS.validate_json(await self._get(f"{url.rstrip('/')}/api/v2/alerts", params))

    async def _started_at(self, url: str) -> datetime:
        answer = await self._get(f"{url.rstrip('/')}/api/v2/status", {})
        return _Status.model_validate_json(answer).uptime

    async def _get(self, url: str, params: dict[str, str]) -> bytes:
        """The whole body of a 200. Raises `NoAnswer` for anything less."""
        answer = await ask(self._client, url, within=ANSWER_WITHIN, limit=ANSWER_LIMIT, params=params)
        return answer.whole(url)


def _resumed() -> Asking | None:
    details = activity.info().heartbeat_details
    return Asking.model_validate(details[0]) if details else None


def _called(alert: Alert) -> str:
    """The alert's name where it fires; an incident's name has other letters for some of it."""
    return alert.labels.get("alertname") or alert.name


def _services(alert: Alert) -> set[str]:
    """What the service is called where the alert fires: there it may go by an alias."""
    given = [alert.labels[label] for label in USUAL_LABELS if alert.labels.get(label)]
    if "service" in alert.labels or alert.service not in alert.labels.values():
        return {alert.service, *given[:1]}
    return {alert.service}


def _quoted(value: str) -> str:
    """A value inside a matcher of Alertmanager: nothing in it can end the quotes."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
