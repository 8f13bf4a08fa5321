"""Which runbook and which service an alert belongs to, as the configuration says.

What an alert carries is data. It picks among names of the configuration and never becomes a
command, a path or an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

from intake.alerts.fingerprint import fingerprint_of
from intake.alerts.payload import ReceivedAlert
from intake.alerts.start_times import StartTimes
from models.base import Model
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.names import RESERVED, Severity, incident_id

_UNFIT = re.compile(r"[^A-Za-z0-9_.:-]")


class Content(NamedTuple):
    """All that a run hears of an alert, in short."""

    digest: bytes
    size: int
    """Bytes, as it travels."""


class Routed(Model):
    """An alert with the runbook and severity that the configuration gives it."""

    alert: Alert
    runbook: str
    severity: Severity

    @property
    def instance(self) -> str:
        """What tells it apart from other alerts of its incident."""
        return self.alert.fingerprint

    @cached_property
    def content(self) -> Content:
        """Two of one instance that are equal in this say the same. A firing alert has no end yet,
        whatever its sender expects."""
        said = self.alert.model_dump_json(exclude={"ends_at"} if self.alert.firing else None).encode()
        return Content(blake2b(said, digest_size=16).digest(), len(said))


class Nameless(Exception):
    """An alert without the label `alertname` cannot be told from others."""


def route(received: ReceivedAlert, configuration: Configuration, start_times: StartTimes) -> Routed:
    """Find the alert's runbook, service, severity and beginning. Raises Nameless."""
    called = received.labels.get("alertname", "").strip()
    if not called:
        raise Nameless("labels.alertname: the alert has no name")
    name = alert_name(called)
    service = configuration.service_named(name, received.labels)
    fingerprint = received.fingerprint or fingerprint_of(received.labels)
    alert = Alert(
        name=name,
        service=service,
        status=received.status,
        starts_at=start_times.of(incident_id(name, service), fingerprint, received.starts_at),
        ends_at=received.ends_at,
        labels=received.labels,
        annotations=received.annotations,
        fingerprint=fingerprint,
    )
    return routed(alert, configuration)


def routed(alert: Alert, configuration: Configuration) -> Routed:
    """The runbook and severity of an alert whose service is known."""
    return Routed(
        alert=alert,
        runbook=configuration.runbook_for(alert.name),
        severity=configuration.severity_for(alert.name, alert.labels),
    )


def alert_name(called: str) -> str:
    """A Prometheus alert may be called anything; its incident's ID may not."""
    name = _UNFIT.sub("_", called)[:127]
    fits = name[0].isalpha() or name[0] == "_"
    return name if fits and name not in RESERVED else f"_{name}"


def by_incident(alerts: Iterable[tuple[int | None, Routed]]) -> dict[str, list[tuple[int | None, Routed]]]:
    """The alerts of one webhook by their incident, firing ones first.

    They are true at the same time. An incident that heard the end of one instance before it heard
    that another fires would be over in between.
    """
    found: dict[str, list[tuple[int | None, Routed]]] = {}
    for index, one in sorted(alerts, key=lambda pair: not pair[1].alert.firing):
        found.setdefault(one.alert.incident_id, []).append((index, one))
    return found
