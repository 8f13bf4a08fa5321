"""The life of one incident: its page is followed to an ending, a person goes on, it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    import workflows.incident.ui as ui
    from models.catalogue.line import open_of
    from models.incident.incident import EntryKind, Phase
    from models.incident.refusal import Refusal
    from models.incident.review import Review
    from models.incident.search_attributes import of_alert
    from models.incident.so_far import Opened, SoFar, Stage
    from models.messages import BEGAN_IN
    from workflows.incident.closing import Closing
    from workflows.incident.path import Path
    from workflows.incident.resuming import everything_known
    from workflows.incident.taking_policy import policy_as_of_now
    from workflows.proposals.proposing import Proposing
    from workflows.record.alert_state import handed_on
    from workflows.record.cancellation import hearing_cancellation
    from workflows.record.continuation import GoesOnInNewRun, began_in
    from workflows.record.endings import Ending, Escalated, Expired, Refused, StandsStill, Withdrawn
    from workflows.record.failures import in_short
    from workflows.record.mistakes import raise_temporals_own
    from workflows.remediation.dry_run import why_a_person

if TYPE_CHECKING:
    from workflows.incident.incident import Incident

Page = Callable[["Incident"], Awaitable[None]]


class Life:
    """Leads one incident from its alert to its review."""

    def __init__(self, incident: Incident, resumed: SoFar | None) -> None:
        self._incident = incident
        self._record = incident.record
        self._timeline = incident.timeline
        self._alert_state = incident.alert_state
        self._resumed = resumed
        self._stage = resumed.stage if resumed else Stage.PAGE

    async def lead(self, page: Page) -> Review:
        """Follow the page to one of its endings; then close with a review. A cancellation is one of them.

        What a new run is handed is written last: a cancellation that comes in the same workflow task is
        heard by then, and Temporal would not tell the new run of it.
        """
        try:
            return await hearing_cancellation(self._lead(page), self._incident.people.cancel)
        except GoesOnInNewRun:
            so_far = everything_known(self._incident, self._stage)
            opened = Opened(**dict(self._record.alert), so_far=so_far)
            workflow.continue_as_new(opened, memo={BEGAN_IN: began_in()})

    async def _lead(self, page: Page) -> Review:
        incident = self._incident
        if not self._resumed:
            await self._begin()
        pausing = asyncio.create_task(self._record.continuation.look_for_a_pause())
        while (review := await self._respond_once(page)) is None:
            self._look_again()
        pausing.cancel()
        incident.pause.stop()
        await incident.others.tell(self._record.outcome, self._record.summary())
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._alert_state.fired_again:
            workflow.continue_as_new(
                self._alert_state.alert,
                memo=handed_on(self._alert_state),
                search_attributes=of_alert(self._alert_state.alert, incident.policy.severity),
            )
        return review

    async def _begin(self) -> None:
        incident, alert = self._incident, self._record.alert
        self._record.policy = await policy_as_of_now(alert)
        incident.approval.policy = incident.policy.approval
        incident.notifications.take_severity()
        self._timeline.add(
            f"{alert.name} on {alert.service} fires since {self._record.fires_since:%H:%M:%S} UTC",
            by=alert.fired_by or alert.source,
        )
        if incident.policy.dry_run:
            ui.show_dry_run(incident.policy.dry_run)
            why = f"dry run ({incident.policy.dry_run}): what would be done is recorded, and not done"
            self._timeline.add(why)
        if incident.policy.service_by_default:
            self._timeline.add(f"its labels name no service: {alert.service} is the default of its rule")
        incident.pause.take(incident.policy.control_room)

    async def _respond_once(self, page: Page) -> Review | None:
        """None when the alert fires anew while something is done only for now."""
        incident = self._incident
        if self._resumed:
            done_said = self._record.done_while_reverting()
            incident.undoing.resume(self._resumed.promises, incident.now, done_said)
            self._resumed = None
        else:
            incident.begin_to_escalate()
        closing = Closing(
            self._record,
            self._alert_state,
            incident.escalation,
            incident.remediation,
            incident.undoing,
            incident.show,
        )
        ending = await self._until_it_ends(page, closing)
        if self._stage is Stage.CLOSING and self._record.outcome:
            return await closing.close_as(self._record.outcome)
        self._stage = Stage.CLOSING
        return await closing.close(ending)

    async def _until_it_ends(self, page: Page, closing: Closing) -> Ending | None:
        """The page, and then a person, until nothing is left to do; a person may want it to begin again."""
        ending: Ending | None = None
        while self._stage is not Stage.CLOSING:
            if self._stage is Stage.PAGE:
                ending = await self._led(page, closing)
                if not isinstance(ending, Escalated):
                    return ending
            if (ending := await self._with_a_person(closing)) is not None:
                return self._record.cancellation or ending
            self._incident.others.work_again()
            self._begin_anew("a person wants it")
        return None

    async def _led(self, page: Page, closing: Closing) -> Ending | None:
        """How the page was left. While nobody may be called, it is waited, and what is left judged afresh."""
        incident = self._incident
        while True:
            ending = await self._follow(page)
            if self._record.wait:
                incident.wait_is_over()
            incident.approval.withdraw()
            if why := await closing.still_down(ending):
                if ending:
                    self._timeline.add(ending.why)
                ending = Escalated(why)
            if ending and self._record.cancelled:
                return self._left(self._record.cancellation)
            if not isinstance(ending, Escalated) or not incident.pause.quiet:
                return self._left(ending)
            self._timeline.add(f"nobody is called while it is paused: {ending.why}")
            try:
                await self._paused(ending)
            except Ending as over:
                return self._left(over)
            self._begin_anew("what paused it is over")

    async def _paused(self, ending: Escalated) -> None:
        """Until what pauses it is over. Leaves by the end of the alert, or by a person's word; and by this
        very ending where something was done before: that is not repeated."""
        incident, done_said = self._incident, self._record.done_from_now_on()
        resolved_before = incident.remediation.resolved()
        await incident.remediation.release()
        await incident.pause.over(
            lambda: done_said() or (incident.remediation.resolved() and not resolved_before)
        )
        incident.remediation.stop_if_done(done_said)
        if not resolved_before:
            incident.remediation.stop_if_resolved()
        if any(one.done or one.lost for one in self._record.performed):
            raise ending

    async def _with_a_person(self, closing: Closing) -> Ending | None:
        """Let go of everything, also of those that wait for this incident: it heals nothing by itself."""
        done_said = self._record.done_from_now_on()
        if self._stage is not Stage.WITH_A_PERSON:
            await self._incident.remediation.release()
            await self._incident.others.tell(None, self._record.escalated_because)
            self._stage = Stage.WITH_A_PERSON
        proposing = Proposing(self._incident, self._incident.proposals, closing.still_down, self._left)
        while (ending := await closing.wait_for_a_human(done_said)) is None:
            if not (line := open_of(self._record.proposals)):
                break
            if healed := await proposing.carry_out(line):
                return healed
        return proposing.helped(ending)

    def _look_again(self) -> None:
        self._timeline.add("the temporary change stays, and the evidence is gathered again")
        self._alert_state.look_again()
        self._incident.others.work_again()
        self._record.outcome = self._record.ended_at = self._record.watched = None
        self._from_its_top()

    async def _follow(self, page: Page) -> Ending | None:
        """How the page was left; None at its last line: healed. Who had to wait in line, or for a limit
        of the service, looks again."""
        refused: Refused | None = None
        stands_still = False
        while True:
            try:
                self._record.stop_if_cancelled()
                if stands_still:
                    stands_still = False
                    await self._incident.remediation.stand_still()
                if refused:
                    await self._lifted(refused.refusal)
                    self._begin_anew(f"this is over: {refused.refusal.why}")
                refused = None
                await self._incident.remediation.regain()
                await page(self._incident)
            except GoesOnInNewRun:
                raise
            except StandsStill:
                stands_still = True
                self._from_its_top()
            except Withdrawn as withdrawn:
                self._begin_anew(withdrawn.why)
            except Refused as ending:
                self._record.refused = ending.refusal
                if not self._has_time_for(ending.refusal):
                    return ending
                refused = ending
            except Ending as ending:
                return ending
            except FailureError as error:
                raise_temporals_own(error)
                return Escalated(f"the runbook failed: {in_short(error)}")
            except Exception as error:
                return Escalated(self._incident.mistakes.note("following the runbook", error))
            else:
                return None

    def _begin_anew(self, why: str) -> None:
        """What was seen and planned is old: the page begins at its first look."""
        self._timeline.add(f"gathers evidence again: {why}")
        self._incident.approval.withdraw()
        self._from_its_top()

    def _from_its_top(self) -> None:
        if self._record.wait:
            self._incident.wait_is_over()
        self._incident.path = Path(self._record)
        self._stage = Stage.PAGE
        self._incident.show(Phase.TRIAGE)

    def _has_time_for(self, refusal: Refusal) -> bool:
        """Whether a limit ends by itself before somebody must have responded."""
        deadline = self._record.fires_since + self._incident.policy.respond_within
        return refusal.reason.passes and refusal.until is not None and refusal.until <= deadline

    async def _lifted(self, refusal: Refusal) -> None:
        """Wait for its end, holding nothing. A new run asks the steward again instead."""
        assert refusal.until is not None, "it has an end"  # noqa: S101
        self._incident.path = Path(self._record)
        try:
            await self._incident.wait_until(refusal.until, refusal.why, planned=False)
        except GoesOnInNewRun:
            self._record.wait, self._incident.path = None, Path(self._record)
            raise

    def _left(self, ending: Ending | None) -> Ending | None:
        if ending is None:
            return None
        escalated = EntryKind.EXPIRED if isinstance(ending, Expired) else EntryKind.ESCALATED
        kind = escalated if isinstance(ending, Escalated) else EntryKind.EVENT
        self._timeline.add(ending.why, kind=kind)
        if isinstance(ending, Escalated):
            self._record.escalated_because = why_a_person(ending.why, self._record)
            self._record.acknowledged_by = ending.has_it
            self._incident.show(Phase.ESCALATED)
            self._incident.pause.judged()
            if ending.has_it:
                self._incident.escalation.leave_to(ending.has_it, self._record.escalated_because)
            else:
                self._incident.escalation.push(self._record.escalated_because)
        return ending
