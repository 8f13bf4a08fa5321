"""The heartbeat: an alert that always fires while a worker works, so that its end can be noticed outside.

Alertmanager takes an alert that is not renewed for over. What watches for that stands outside: a
service that calls a person when it hears nothing.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from activities.support.http import NoAnswer, Outgoing, send
from models.configuration.configuration import Configuration
from models.configuration.processes import Heartbeat
from models.text import plain
from runtime.alive.gauges import Gauge, Gauges

WITHIN = timedelta(seconds=5)

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
        alert = _alert(settings, self._began, datetime.now(UTC))
        try:
            to = Outgoing(f"{url}/api/v2/alerts", method="POST", json=[alert])
            answer = await send(self._http, to, within=WITHIN, limit=0)
            why = "" if answer.good else f"it answered {answer.status}"
        except NoAnswer as error:
            why = plain(error.reason)
        if why:
            if not self._troubled:
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
