"""Which runbook and which service an alert belongs to, as the configuration says.

What an alert carries is data. It picks among names of the configuration and never becomes a
command, a path or an address.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

from intake.alerts.payload import ReceivedAlert
from models.base import Model
from models.configuration.configuration import Configuration
from models.incident.alert import Alert, AlertStatus
from models.names import Severity, alert_name


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
        """Two of one instance that are equal in this say the same: a time that its sender did not
        name is none, and a firing alert has no end yet."""
        unsaid = {"ends_at"} if self.alert.firing else set()
        unsaid |= set() if self.alert.dated else {"starts_at"}
        said = self.alert.model_dump_json(exclude=unsaid).encode()
        return Content(blake2b(said, digest_size=16).digest(), len(said))


class Nameless(Exception):
    """An alert without the label `alertname` cannot be told from others."""


def route(received: ReceivedAlert, configuration: Configuration, now: datetime | None = None) -> Routed:
    """Find the alert's runbook, service and severity. Raises Nameless.

    What names no time is taken as of `now`: its start, and the end of what is over.
    """
    called = received.labels.get("alertname", "").strip()
    if not called:
        raise Nameless("labels.alertname: the alert has no name")
    now = now or datetime.now(UTC)
    name = alert_name(called)
    over = received.status is AlertStatus.RESOLVED
    alert = Alert(
        name=name,
        service=configuration.service_named(name, received.labels),
        named_by_rule=configuration.service_label(received.labels) is None,
        status=received.status,
        starts_at=received.starts_at or received.ends_at or now,
        dated=received.starts_at is not None,
        ends_at=(received.ends_at or now) if over else None,
        labels=received.labels,
        annotations=received.annotations,
        fingerprint=received.fingerprint,
    )
    return routed(alert, configuration)


def routed(alert: Alert, configuration: Configuration) -> Routed:
    """The runbook and severity of an alert whose service is known."""
    return Routed(
        alert=alert,
        runbook=configuration.runbook_for(alert.name),
        severity=configuration.severity_for(alert.name, alert.labels),
    )


def by_incident(alerts: Iterable[tuple[int | None, Routed]]) -> dict[str, list[tuple[int | None, Routed]]]:
    """The alerts of one webhook by their incident, firing ones first.

    They are true at the same time. An incident that heard the end of one instance before it heard
    that another fires would be over in between.
    """
    found: dict[str, list[tuple[int | None, Routed]]] = {}
    for index, one in sorted(alerts, key=lambda pair: not pair[1].alert.firing):
        found.setdefault(one.alert.incident_id, []).append((index, one))
    return found
