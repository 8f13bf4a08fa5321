"""The product's own heartbeat, when Alertmanager brings it back: noted, and no incident."""

from __future__ import annotations

import time
from collections.abc import Sequence

from intake.alerts.reading import Placed
from models.configuration.configuration import Configuration
from models.configuration.processes import Heartbeat
from runtime.alive.gauges import Gauge, Gauges

USUAL = Heartbeat()
"""One that still comes in after its part was taken out of the configuration is no incident either."""


class Heartbeats:
    """Knows when one was last received, so that a broken way from Alertmanager to here is noticed."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._began = time.time()
        self._expected = False

    async def expect(self, configuration: Configuration) -> None:
        """From the start of this process on its silence counts, where one is configured."""
        if configuration.heartbeat is not None and not self._expected:
            self._expected = True
            self._gauges.set(Gauge.HEARTBEAT_RECEIVED, self._began)

    def note(
        self, alerts: Sequence[Placed], configuration: Configuration
    ) -> tuple[Sequence[Placed], Sequence[Placed]]:
        """The heartbeats among these alerts, and the others."""
        called = (configuration.heartbeat or USUAL).alert
        heartbeats = [one for one in alerts if one.routed.alert.name == called]
        if not heartbeats:
            return (), alerts
        if any(one.routed.alert.firing for one in heartbeats):
            self._expected = True
            self._gauges.set(Gauge.HEARTBEAT_RECEIVED, time.time())
        return heartbeats, [one for one in alerts if one.routed.alert.name != called]
