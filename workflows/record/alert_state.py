"""Whether the alert still fires, out of notifications that come late, twice or out of order."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.alert import Alert
    from workflows.record.timeline import Timeline

FLAPS = 3
BY_HAND = ""
"""What was fired by a person or another incident, until the alert's source speaks of it itself."""


class AlertState:
    """The newest truth about one alert. `startsAt` orders what arrival times cannot.

    Several instances of a service share an incident: it is over when none of them fires.
    """

    def __init__(self, alert: Alert, timeline: Timeline) -> None:
        self.alert = alert
        self.resolved_at: datetime | None = None
        self.fired_again = False
        """It fired anew after it was over: another incident if this one is over."""
        self.closing = False
        """Nothing is looked at any more: whatever fires from now on is another incident."""
        self._instances = {_instance(alert): alert}
        self._times_fired = 1
        self._timeline = timeline

    @property
    def resolved(self) -> bool:
        return self.resolved_at is not None

    @property
    def fires_anew(self) -> bool:
        """It fires again although this incident is closing: it wants to be looked at now."""
        return self.fired_again and self.closing

    @property
    def flapping(self) -> bool:
        return self._times_fired > FLAPS

    def hear(self, alert: Alert) -> bool:
        """Take a notification. True when it is the one that made the alert flap."""
        known = self._instances.get(_instance(alert))
        if known and alert.starts_at < known.starts_at:
            return False
        if known and alert.firing and alert.starts_at == known.starts_at:
            return False
        self._instances[_instance(alert)] = alert
        if _instance(alert) != BY_HAND:
            self._instances.pop(BY_HAND, None)
        if not alert.firing:
            self._resolve(alert)
            return False
        return self._fire(alert, anew=self.resolved or self.closing or known is not None)

    def _resolve(self, alert: Alert) -> None:
        if any(one.firing for one in self._instances.values()):
            return
        if not self.resolved:
            self.resolved_at = self._timeline.now()
            self._timeline.add("the alert is resolved", by=alert.source)
        self.alert = alert
        self.fired_again = False

    def _fire(self, alert: Alert, anew: bool) -> bool:
        """An instance that was not heard of before is part of what goes on."""
        self.alert = alert
        if not anew:
            return False
        self._times_fired += 1
        self.fired_again, self.resolved_at = True, None
        if not self.flapping:
            self._timeline.add(f"the alert fires again, since {alert.starts_at:%H:%M:%S}", by=alert.source)
        return self._times_fired == FLAPS + 1


def _instance(alert: Alert) -> str:
    return alert.fingerprint if alert.source == "alertmanager" else BY_HAND
