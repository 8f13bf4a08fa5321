"""What Alertmanager left out of a webhook because `max_alerts` cut it: firings, and ends.

It is asked for what it has now. What fires there is taken like the rest of the batch. What an open
incident still takes to fire, and Alertmanager does not have any more, is over.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import AwareDatetime, ValidationError
from pydantic_core import from_json

from intake.alerts.patience import patience
from intake.alerts.payload import Batch, ReceivedAlert
from intake.alerts.routing import Nameless, Routed, route, routed
from models.base import Model
from models.configuration.configuration import Configuration
from models.incident.alert import Alert, AlertStatus
from models.names import alert_name
from runtime.incidents import IncidentLine
from runtime.systems.asking import NotFetched, fetched

ASK_WITHIN = timedelta(seconds=5)
ANSWER_LIMIT = 16 * 2**20

RELEARNS_WITHIN = timedelta(minutes=2)
"""Prometheus sends a firing alert again every minute: only after this does a restarted Alertmanager know."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class _Status(Model):
    """`uptime` is, in spite of its name, when Alertmanager was started."""

    uptime: AwareDatetime


class Left(Model):
    """What Alertmanager has of the alerts that a cut batch is about."""

    asked_at: datetime
    alerts: tuple[Routed, ...]
    """Those that fire, silenced ones too: they are not over."""
    known_since: datetime = LONG_AGO
    """What began earlier, Alertmanager may not have learned yet: it was started since."""
    silent: frozenset[str] = frozenset()
    """The fingerprints of those that are silenced or inhibited."""

    def rest(self, batch: Batch) -> list[Routed]:
        """The alerts of the batch's group that fire and are not in it."""
        known = {received.fingerprint for _, received in batch.good} | self.silent
        group = {name: value for name, value in batch.group_labels.items() if name != "alertname"}
        return [
            one
            for one in self.alerts
            if one.alert.fingerprint not in known and one.alert.labels.items() >= group.items()
        ]

    def ends(self, open_now: Iterable[IncidentLine], configuration: Configuration) -> list[Routed]:
        """For each open incident, which of its instances still fire: all others are over."""
        active: dict[str, list[str]] = defaultdict(list)
        for one in self.alerts:
            active[one.alert.incident_id].append(one.alert.fingerprint)
        return [routed(self._end(line, active[line.id]), configuration) for line in open_now]

    def _end(self, line: IncidentLine, active: list[str]) -> Alert:
        return Alert(
            name=line.alert,
            service=line.service,
            status=AlertStatus.RESOLVED,
            starts_at=self.known_since,
            ends_at=self.asked_at,
            still_active=tuple(sorted(active)),
        )


def name_in(group_labels: Mapping[str, str]) -> str | None:
    """The one name of a group's alerts, as incidents have it; None for a group of several."""
    called = group_labels.get("alertname", "").strip()
    return alert_name(called) if called else None


async def fetch_left(
    client: httpx.AsyncClient, alertmanager: str, batch: Batch, configuration: Configuration
) -> Left:
    """Ask for all alerts of the group's name, or for all where it has several. Raises NotFetched."""
    called = batch.group_labels.get("alertname")
    params = {"active": "true", "silenced": "true", "inhibited": "true"}
    if called:
        params["filter"] = f"alertname={_quoted(called)}"
    asked_at = datetime.now(UTC)
    known_since = await _known_since(client, alertmanager, asked_at)
    url = f"{alertmanager.rstrip('/')}/api/v2/alerts"
    answer = await _ask(client, url, params)
    try:
        alerts, silent = await asyncio.to_thread(_patiently_read, answer, configuration)
    except ValueError as error:
        raise NotFetched(f"{alertmanager} answered something else than a list of alerts") from error
    return Left(asked_at=asked_at, alerts=alerts, known_since=known_since, silent=silent)


def _patiently_read(answer: bytes, configuration: Configuration) -> tuple[tuple[Routed, ...], frozenset[str]]:
    with patience():
        return _read(answer, configuration)


def _read(answer: bytes, configuration: Configuration) -> tuple[tuple[Routed, ...], frozenset[str]]:
    """What fires, and the fingerprints of what is silent. Raises ValueError.

    Each alert is let go of once it is read: all of them in both forms would take twice the memory.
    """
    alerts: list[Routed] = []
    silent: set[str] = set()
    listed = from_json(answer, allow_inf_nan=False)
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ValueError("no list of alerts")
    listed.reverse()
    while listed:
        one = listed.pop()
        try:
            received = ReceivedAlert.model_validate(
                {**one, "status": "firing", "endsAt": None}, context=configuration.service_labels
            )
            alerts.append(route(received, configuration))
        except (ValidationError, Nameless):
            continue  # it would be refused in a webhook too, and is counted there
        if _state(one) != "active":
            silent.add(received.fingerprint)
    return tuple(alerts), frozenset(silent)


async def _known_since(client: httpx.AsyncClient, alertmanager: str, now: datetime) -> datetime:
    """When Alertmanager was started, if that was just now; None when it started earlier, or does not say."""
    url = f"{alertmanager.rstrip('/')}/api/v2/status"
    try:
        started_at = _Status.model_validate_json(await _ask(client, url, {})).uptime
    except (NotFetched, ValidationError):
        return LONG_AGO
    return started_at if now - started_at < RELEARNS_WITHIN else LONG_AGO


async def _ask(client: httpx.AsyncClient, url: str, params: Mapping[str, str]) -> bytes:
    try:
        return await fetched(client, url, params, within=ASK_WITHIN, limit=ANSWER_LIMIT)
    except NotFetched as error:
        raise NotFetched(f"{url} did not list the alerts that Alertmanager left out: {error}") from error


def _state(listed: Mapping[str, Any]) -> str:
    status = listed.get("status")
    return str(status.get("state", "active")) if isinstance(status, dict) else "active"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
