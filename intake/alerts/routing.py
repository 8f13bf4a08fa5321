"""Which runbook and which service an alert belongs to, as the configuration says.

What an alert carries is data. It picks among names of the configuration and never becomes a
command, a path or an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from intake.alerts.payload import ReceivedAlert, Refused
from intake.alerts.start_times import StartTimes
from models.base import Model
from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.names import RESERVED, Severity, incident_id

HELD = "resolved, but another alert of the same incident in this batch still fires"

_UNFIT = re.compile(r"[^A-Za-z0-9_.:-]")


class Routed(Model):
    """An alert with the runbook and severity that the configuration gives it."""

    alert: Alert
    runbook: str
    severity: Severity


class Nameless(Exception):
    """An alert without the label `alertname` cannot be told from others."""


def route(received: ReceivedAlert, configuration: Configuration, start_times: StartTimes) -> Routed:
    """Find the alert's runbook, service, severity and beginning. Raises Nameless."""
    called = received.labels.get("alertname", "").strip()
    if not called:
        raise Nameless("labels.alertname: the alert has no name")
    name = alert_name(called)
    service = configuration.service_named(name, received.labels)
    alert = Alert(
        name=name,
        service=service,
        status=received.status,
        starts_at=start_times.of(incident_id(name, service), received.fingerprint, received.starts_at),
        ends_at=received.ends_at,
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


def alert_name(called: str) -> str:
    """A Prometheus alert may be called anything; its incident's ID may not."""
    name = _UNFIT.sub("_", called)[:127]
    fits = name[0].isalpha() or name[0] == "_"
    return name if fits and name not in RESERVED else f"_{name}"


def outvoted(alerts: Iterable[tuple[int, Routed]]) -> tuple[list[tuple[int, Routed]], list[Refused]]:
    """Alerts to deliver, and the resolved ones that must wait for others of their incident.

    Two instances of a service share one incident. While one of them still fires, that the other
    is well again does not resolve it.
    """
    batch = list(alerts)
    fires = {one.alert.incident_id for _, one in batch if one.alert.firing}
    kept: list[tuple[int, Routed]] = []
    held: list[Refused] = []
    for index, one in batch:
        if one.alert.firing or one.alert.incident_id not in fires:
            kept.append((index, one))
        else:
            held.append(Refused(index=index, reason=HELD))
    return kept, held
