"""The life of one incident: its page is followed to an ending, a person goes on, it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Phase
    from models.incident.review import Review
    from models.incident.search_attributes import of_alert
    from workflows.escalation.escalation import Escalation
    from workflows.incident.closing import Closing
    from workflows.incident.taking_policy import policy_as_of_now
    from workflows.record.alert_state import handed_on
    from workflows.record.endings import Ending, Escalated, Withdrawn
    from workflows.record.failures import in_short
    from workflows.record.mistakes import raise_temporals_own

if TYPE_CHECKING:
    from workflows.incident.incident import Incident

Page = Callable[["Incident"], Awaitable[None]]


class Life:
    """Leads one incident from its alert to its review."""

    def __init__(self, incident: Incident) -> None:
        self._incident = incident
        self._record = incident.record
        self._timeline = incident.timeline
        self._alert_state = incident.alert_state

    async def lead(self, page: Page) -> Review:
        """Follow the page to one of its endings; then close with a review."""
        incident, alert = self._incident, self._record.alert
        self._record.policy = await policy_as_of_now(alert)
        incident.approval.policy = incident.policy.approval
        incident.notifications.take_severity()
        self._timeline.add(
            f"{alert.name} on {alert.service} fires since {self._record.fires_since:%H:%M:%S} UTC",
            by=alert.fired_by or alert.source,
        )
        if incident.policy.service_by_default:
            self._timeline.add(f"its labels name no service: {alert.service} is the default of its rule")
        while (review := await self._respond_once(page)) is None:
            self._look_again()
        await incident.others.tell(self._record.outcome, self._record.summary())
        if self._alert_state.fired_again:
            workflow.continue_as_new(
                self._alert_state.alert,
                memo=handed_on(self._alert_state),
                search_attributes=of_alert(self._alert_state.alert, incident.policy.severity),
            )
        return review

    async def _respond_once(self, page: Page) -> Review | None:
        """None when the alert fires anew while something is done only for now."""
        incident = self._incident
        since = min(self._alert_state.alert.starts_at, workflow.now())
        escalation = Escalation(
            incident.policy, since, self._timeline, incident.mistakes, incident.situation, incident.proved
        )
        incident.escalation = incident.people.escalation = incident.notifications.escalation = escalation
        incident.remediation.begin(incident.policy, escalation)
        ending = await self._follow(page)
        closing = Closing(
            self._record,
            self._alert_state,
            escalation,
            incident.remediation,
            incident.undoing,
            incident.show,
        )
        if why := await closing.still_down(ending):
            ending = self._left(Escalated(why))
        if isinstance(ending, Escalated):
            ending = await self._with_a_human(ending, closing)
        return await closing.close(ending)

    async def _with_a_human(self, escalated: Escalated, closing: Closing) -> Ending:
        """Let go of everything, also of those that wait for this incident: it heals nothing by itself."""
        over = asyncio.create_task(closing.wait_for_a_human())
        await self._incident.remediation.release()
        await self._incident.others.tell(None, escalated.why)
        return await over

    def _look_again(self) -> None:
        self._timeline.add("the temporary change stays, and the evidence is gathered again")
        self._alert_state.look_again()
        self._incident.others.work_again()
        self._record.outcome = self._record.ended_at = self._record.watched = None
        self._incident.show(Phase.TRIAGE)

    async def _follow(self, page: Page) -> Ending | None:
        """How the page was left; None at its last line: healed. Who had to wait in line looks again."""
        while True:
            try:
                await self._incident.remediation.regain()
                await page(self._incident)
            except Withdrawn as withdrawn:
                self._timeline.add(f"gathers evidence again: {withdrawn.why}")
                self._incident.show(Phase.TRIAGE)
            except Ending as ending:
                return self._left(ending)
            except FailureError as error:
                raise_temporals_own(error)
                return self._left(Escalated(f"the runbook failed: {in_short(error)}"))
            except Exception as error:
                return self._left(Escalated(self._incident.mistakes.note("following the runbook", error)))
            else:
                return None

    def _left(self, ending: Ending) -> Ending:
        self._timeline.add(f"{'escalated: ' if isinstance(ending, Escalated) else ''}{ending.why}")
        if isinstance(ending, Escalated):
            self._record.escalated_because = ending.why
            self._record.acknowledged_by = ""
            self._incident.show(Phase.ESCALATED)
            self._incident.escalation.push(ending.why)
        return ending
