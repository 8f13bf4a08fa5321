"""Whether the alert of one incident still fires, and what the incident must know of that."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.alert import Alert
    from models.incident.alert_life import AlertLife, Change, Instance
    from models.incident.so_far import AlertSoFar
    from models.names import severity_said
    from workflows.record.timeline import Timeline

FLAPS = 3
INSTANCES = "instances"


class AlertState:
    """The newest truth about one alert, as `AlertLife` orders its notifications."""

    def __init__(self, alert: Alert, timeline: Timeline, life: AlertLife | None = None) -> None:
        self.severity = severity_said(alert.labels)
        """The highest that the alert said of itself while it fired."""
        self.alert = alert
        """The newest that changed anything."""
        self.life = life or AlertLife()
        self.resolved_at: datetime | None = None
        """When it was over last; what fires after that is another incident."""
        self.fired_again = False
        """It fires again: another incident once this one is closed."""
        self.closing = False
        """No more evidence is gathered: what fires from now on is another incident."""
        self.began_to_flap = False
        """Whether the notification that was heard last made it flap."""
        self._times_fired = 1
        self._timeline = timeline
        self.life.hear(alert, timeline.now())

    def so_far(self) -> AlertSoFar:
        return AlertSoFar(
            newest=self.alert,
            severity=self.severity,
            instances=self.life.instances,
            resolved_at=self.resolved_at,
            fired_again=self.fired_again,
            closing=self.closing,
            times_fired=self._times_fired,
        )

    def resume(self, so_far: AlertSoFar) -> None:
        """Know what the run before this one knew."""
        self.alert, self.severity = so_far.newest, so_far.severity
        self.life = AlertLife(so_far.instances)
        self.resolved_at, self.fired_again = so_far.resolved_at, so_far.fired_again
        self.closing, self._times_fired = so_far.closing, so_far.times_fired

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

    def look_again(self) -> None:
        """What fires anew is looked at as this same incident."""
        self.resolved_at = None
        self.closing = self.fired_again = False

    def hear(self, alert: Alert) -> Change:
        """Take a notification."""
        self.began_to_flap = False
        change = self.life.hear(alert, self._timeline.now())
        if alert.firing and change is not Change.STALE:
            self.severity = min(self.severity, severity_said(alert.labels), key=lambda one: one.rank)
        if change is Change.OVER:
            self._over(alert)
        elif change in (Change.JOINED, Change.AGAIN):
            self.alert = alert
            if change is Change.AGAIN or self.resolved or self.closing:
                self._again(alert)
        return change

    def _over(self, alert: Alert) -> None:
        if not self.resolved or self.fired_again:
            self._timeline.add("the alert is resolved", by=alert.source)
        self.alert = alert
        self.resolved_at = self._timeline.now()
        self.fired_again = False

    def _again(self, alert: Alert) -> None:
        self._times_fired += 1
        self.fired_again = True
        self.began_to_flap = self._times_fired == FLAPS + 1
        if not self.flapping:
            since = alert.starts_at
            self._timeline.add(f"the alert fires again, since {since:%H:%M:%S}", by=alert.source)


def handed_on(state: AlertState) -> dict[str, dict[str, Instance]]:
    """The memo of a run that goes on as another incident: that one is over when all that fires is."""
    return {INSTANCES: state.life.firing}


def taken_over() -> AlertLife:
    """What the run before this one handed on; nothing where an alert began it."""
    return AlertLife(workflow.memo_value(INSTANCES, {}, type_hint=dict[str, Instance]))
