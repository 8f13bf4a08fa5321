"""Whether the alert still fires, out of notifications that come late, twice or out of order."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.alert import Alert
    from workflows.timeline import Timeline

FLAPS = 3


class AlertState:
    """The newest truth about one alert. `startsAt` orders what arrival times cannot."""

    def __init__(self, alert: Alert, timeline: Timeline) -> None:
        self.alert = alert
        self.resolved_at: datetime | None = None
        self.fired_again = False
        """It fired with a new `startsAt` after it was resolved: another incident if this one is over."""
        self._times_fired = 1
        self._timeline = timeline

    @property
    def resolved(self) -> bool:
        return self.resolved_at is not None

    @property
    def flapping(self) -> bool:
        return self._times_fired > FLAPS

    def hear(self, alert: Alert) -> bool:
        """Take a notification. True when it is the one that made the alert flap."""
        if alert.starts_at < self.alert.starts_at:
            return False
        if not alert.firing:
            self._resolve(alert)
            return False
        if alert.starts_at == self.alert.starts_at:
            return False
        return self._fire_again(alert)

    def _resolve(self, alert: Alert) -> None:
        if not self.resolved:
            self.resolved_at = self._timeline.now()
            self._timeline.add("the alert is resolved", by=alert.source)
        self.alert = alert
        self.fired_again = False

    def _fire_again(self, alert: Alert) -> bool:
        self._times_fired += 1
        self.fired_again = True
        if not self.flapping:
            self._timeline.add(f"the alert fires again, since {alert.starts_at:%H:%M:%S}", by=alert.source)
        self.alert, self.resolved_at = alert, None
        return self._times_fired == FLAPS + 1
