"""The product's own heartbeat at the intake."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from intake.alerts.heartbeats import Heartbeats
from intake.alerts.reading import Placed
from intake.alerts.routing import routed
from models.configuration.configuration import Configuration
from models.incident.alert import Alert, AlertStatus
from runtime.alive.gauges import Gauge, RegistryGauges

SETTINGS = {"heartbeat": {"alert": "Beat"}, "systems": {"alertmanager": "http://localhost:9093"}}
WITH, WITHOUT = Configuration.of(SETTINGS, ()), Configuration.of({}, ())


def placed(name: str, status: AlertStatus = AlertStatus.FIRING) -> Placed:
    alert = Alert(name=name, service="backend", starts_at=datetime.now(UTC), status=status)
    return Placed(0, routed(alert, WITHOUT))


def received(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value(Gauge.HEARTBEAT_RECEIVED, {"process": "intake"})


@pytest.mark.parametrize(
    ("configuration", "name", "is_one"),
    [
        (WITH, "Beat", True),
        (WITH, "RunbooksHeartbeat", False),
        (WITHOUT, "RunbooksHeartbeat", True),
        (WITHOUT, "ServiceDown", False),
    ],
)
def test_only_the_heartbeat_is_taken_out(configuration: Configuration, name: str, is_one: bool) -> None:
    registry = CollectorRegistry()
    one, other = placed(name), placed("ServiceDown")
    heartbeats, others = Heartbeats(RegistryGauges(registry, "intake")).note([one, other], configuration)
    assert (list(heartbeats), list(others)) == (([one], [other]) if is_one else ([], [one, other]))
    assert (received(registry) is not None) is is_one


def test_the_end_of_a_heartbeat_is_no_sign_of_life() -> None:
    registry = CollectorRegistry()
    heartbeats = Heartbeats(RegistryGauges(registry, "intake"))
    ended = placed("Beat", AlertStatus.RESOLVED)
    assert heartbeats.note([ended], WITH) == ([ended], [])
    assert received(registry) is None


async def test_silence_counts_from_the_start_where_one_is_configured() -> None:
    registry = CollectorRegistry()
    heartbeats = Heartbeats(RegistryGauges(registry, "intake"))
    await heartbeats.expect(WITHOUT)
    assert received(registry) is None
    await heartbeats.expect(WITH)
    assert received(registry) is not None
