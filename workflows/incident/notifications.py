"""What the alert's source says to an incident that is open."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.incident.ui as ui
    from models.incident.alert import Alert
    from models.incident.alert_life import Change
    from models.service.endpoints import named_by
    from workflows.escalation.escalation import Escalation
    from workflows.record.alert_state import AlertState
    from workflows.record.notification import read_alerts
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline
    from workflows.remediation.remediation import Remediation


class Notifications:
    """Takes the alerts of each notification in their order; all may come early."""

    def __init__(
        self, record: Record, timeline: Timeline, alert_state: AlertState, remediation: Remediation
    ) -> None:
        self.escalation: Escalation | None = None
        """Whom to tell of it, once the incident has a ladder."""
        self._record = record
        self._timeline = timeline
        self._alert_state = alert_state
        self._remediation = remediation

    def hear(self, said: Sequence[object]) -> None:
        """The alerts of one notification."""
        for alert in read_alerts(said, self._timeline):
            self._hear(alert)

    def _hear(self, alert: Alert) -> None:
        incident = self._record.alert.incident_id
        if alert.incident_id != incident:
            ignored = f"word of another alert was ignored: {alert.incident_id}"
            self._timeline.add(ignored, by=alert.source)
            return
        change = self._alert_state.hear(alert)
        self.take_severity()
        if change is Change.JOINED:
            self._tell_of_both(alert)
        if self._alert_state.began_to_flap and self.escalation:
            self.escalation.notice(f"{incident} is flapping", "It fires on and off.")

    def _tell_of_both(self, alert: Alert) -> None:
        """One incident looks at one endpoint: the person who closes it must know of the other."""
        first, other = _endpoint_of(self._record.alert), _endpoint_of(alert)
        if not first or not other or first == other:
            return
        text = f"it fires for {first} and for {other}: see that both are well before it is closed"
        if text in self._record.remarks:
            return
        self._record.remarks.append(text)
        self._timeline.add(text, by=alert.source)
        if self.escalation:
            self.escalation.notice(f"{alert.incident_id} fires for two", text)

    def take_severity(self) -> None:
        """The alert grew more severe: from now on deadlines, ladder and channels are those of the higher."""
        policy = self._record.policy
        raised = policy.raised_to(self._alert_state.severity) if policy else None
        if policy is None or raised is None:
            return
        why = f"severity rises from {policy.severity} to {raised.severity}"
        self._record.policy = raised
        self._record.acknowledged_by = ""
        self._timeline.add(why, by=self._alert_state.alert.source)
        ui.show_severity(raised.severity)
        if self.escalation:
            self._remediation.begin(raised, self.escalation)
            self.escalation.rise(raised, why)


def _endpoint_of(alert: Alert) -> str:
    """What its labels call it; which instance serves it tells nothing apart."""
    labels = {key: value for key, value in alert.labels.items() if key not in ("instance", "target")}
    return next(iter(named_by(labels)), "")
