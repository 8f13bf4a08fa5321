"""The heartbeat: an alert that always fires while a worker works, so that its end can be noticed outside.

Alertmanager takes an alert that is not renewed for over. What watches for that stands outside: a
service that calls a person when it hears nothing.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import structlog

from models.configuration.configuration import Configuration
from models.configuration.processes import Heartbeat
from models.text import plain
from runtime.alive.gauges import Gauge, Gauges

WITHIN = 5.0
"""Seconds."""

logger = structlog.get_logger(__name__)


class HeartbeatSender:
    """Renews the alert after a round that went well, when it is time to."""

    def __init__(self, http: httpx.AsyncClient, gauges: Gauges) -> None:
        self._http = http
        self._gauges = gauges
        self._began = datetime.now(UTC)
        self._next = 0.0
        self._expected = False
        self._troubled = False

    async def after_round(self, configuration: Configuration) -> None:
        """Send it if it is configured and due. Trouble is logged once, and told by the metric."""
        settings, url = configuration.heartbeat, configuration.systems.alertmanager
        if settings is None or url is None or time.monotonic() < self._next:
            return
        if not self._expected:  # from now on its silence counts
            self._expected = True
            self._gauges.set(Gauge.HEARTBEAT_SENT, self._began.timestamp())
        try:
            alert = _alert(settings, self._began, datetime.now(UTC))
            answer = await self._http.post(f"{url}/api/v2/alerts", json=[alert], timeout=WITHIN)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            if not self._troubled:
                why = plain(str(error) or type(error).__name__)
                logger.warning("the heartbeat could not be given to Alertmanager", why=why)
            self._troubled = True
            return
        self._troubled = False
        self._next = time.monotonic() + settings.every.total_seconds()
        self._gauges.set(Gauge.HEARTBEAT_SENT, time.time())


def _alert(settings: Heartbeat, began: datetime, now: datetime) -> dict[str, object]:
    labels = {"severity": "none", "product": "runbooks", **settings.labels, "alertname": settings.alert}
    return {
        "labels": labels,
        "annotations": {
            "summary": "The runbooks work.",
            "description": "This alert fires as long as they do. When it stops, somebody must look.",
        },
        "startsAt": began.isoformat(),
        "endsAt": (now + settings.lasts).isoformat(),
    }
