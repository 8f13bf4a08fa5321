"""What the alert's own source says: whether it still fires, where that can be asked."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.monitoring.alertmanager import AlertSourceActivities, AlertSourceSeen, AskSource
    from models.evidence.evidence import Finding
    from workflows.record.alert_state import AlertState
    from workflows.record.failures import in_short
    from workflows.record.record import Record


class AlertSource:
    """Alertmanager, for the alerts that it sent."""

    def __init__(self, record: Record, alert_state: AlertState) -> None:
        self._record = record
        self._alert_state = alert_state

    @property
    def address(self) -> str | None:
        """None where nobody can be asked: the alert came from elsewhere, or no address is configured."""
        policy = self._record.policy
        return policy.alertmanager if policy and self._record.alert.source == "alertmanager" else None

    @property
    def resolved(self) -> bool:
        """Whether its last word was that the alert is over."""
        return self._alert_state.resolved

    async def says(self) -> AlertSourceSeen:
        """Its word as of now: `ok` when it agrees that the alert is over."""
        if self.resolved:
            return AlertSourceSeen(finding=Finding.OK, reason="the alert is resolved")
        if self.address is None:
            return AlertSourceSeen(reason="the alert's source cannot be asked")
        try:
            seen: AlertSourceSeen = await workflow.execute_local_activity_method(
                AlertSourceActivities.ask_source,
                AskSource(url=self.address, alert=self._record.alert, within=timedelta()),
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(maximum_attempts=2),
                summary="does the alert still fire?",
            )
        except FailureError as error:
            seen = AlertSourceSeen(reason=f"could not be asked: {in_short(error)}")
        self._record.timeline.add(f"alert source: {seen.reason}")
        return seen

    async def says_within(self, decay: timedelta) -> AlertSourceSeen:
        """Its word once it had so long to notice: a rule's window, its evaluation, the grouping.

        Not waited for any longer once the alert is resolved or fires anew, or a person says `done`.
        """
        done_said = self._record.done_from_now_on()
        state = self._alert_state
        try:
            await workflow.wait_condition(
                lambda: state.resolved or state.fires_anew or done_said(),
                timeout=decay,
                timeout_summary="the alert's source agrees",
            )
        except TimeoutError:
            return await self.says()
        return AlertSourceSeen(finding=Finding.OK, reason="the alert's source was not waited for any longer")
