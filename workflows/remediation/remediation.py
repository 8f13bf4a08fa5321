"""What an incident does to its service: hold → question → order → outcome, always in this order.

At most one service is held at a time, and none while the incident waits for another service or
for another incident: no two incidents can wait for one another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.actions.approved_by import REVERTED, by_policy
    from models.actions.plan import AUTOMATIC, WHEN_URGENT, Offer, Plan
    from models.incident.dry_run import Answer
    from models.incident.incident import Performed, Phase, Verdict
    from models.incident.policy import Policy
    from models.incident.refusal import Refusal
    from models.incident.so_far import HoldSoFar
    from models.incident.stewardship import AllowedBy, StewardSays
    from workflows.escalation.escalation import Escalation
    from workflows.escalation.wording import in_one_line
    from workflows.maintenance.pause import Pause
    from workflows.record.alert_state import AlertState
    from workflows.record.continuation import began_in
    from workflows.record.endings import (
        ClosedByHuman,
        Denied,
        Escalated,
        Expired,
        PerhapsDone,
        ResolvedElsewhere,
        StandsStill,
        Throttled,
        Withdrawn,
    )
    from workflows.record.raw_input import read
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline, who
    from workflows.remediation.approval import Approval
    from workflows.remediation.hold import ServiceHold
    from workflows.remediation.holding import PAGE, REVERT, Holding

LATE = timedelta(minutes=15)
"""An approval that takes longer is one of what was seen then."""

StillFits = Callable[[Plan], Awaitable[None]]
"""Looks again, and leaves the page when the plan does not fit any more."""


class Remediation(Holding):
    """Carries out the plans of one incident, one at a time; nothing new once the alert is over."""

    def __init__(
        self,
        record: Record,
        timeline: Timeline,
        alert_state: AlertState,
        approval: Approval,
        pause: Pause,
        show: Callable[[Phase], None],
    ) -> None:
        super().__init__(record, timeline)
        self._alert_state = alert_state
        self._approval = approval
        self._pause = pause
        self._show = show

    def so_far(self) -> HoldSoFar | None:
        return self._hold.so_far() if self._hold else None

    def resume(self, hold: HoldSoFar | None) -> None:
        """Hold what the run before this one held."""
        self._hold = ServiceHold.resumed(hold, self._timeline) if hold else None

    def begin(self, policy: Policy, escalation: Escalation) -> None:
        """Take the policy by which risks are judged, and the ladder by which questions are asked."""
        self._policy = policy
        self._escalation = escalation

    def hear(self, said: Any) -> None:
        """Hand what a steward says to the hold that it is about."""
        says = read(StewardSays, said)
        if says and self._hold and (says.service, says.run_id) == (self._hold.service, began_in()):
            self._hold.hear(says)

    async def carry_out(
        self, offer: Offer, *, late: StillFits, asks: bool = False, urgent: str = ""
    ) -> Performed:
        """Hold the service, get the approval, have it done, and tell what was found.

        With `asks` a person is asked also where the risk would not demand it; among several plans a
        person always chooses. `urgent` says why there is no time to ask, where that is so; what is
        dangerous is asked about all the same. `late` looks again before a plan is done whose approval came
        late, and leaves the page when that does not fit any more.

        Leaves the page when the alert is over, a person says `done`, the plan is denied or expires,
        the steward refuses, or it was not done; and when another incident has the service.
        """
        done_said = self._record.done_from_now_on()
        self.stop_if_resolved()
        await self.stand_still()
        hold = await self._hold_for(offer.service, PAGE)
        self._stop_if_over(done_said)
        plan, *others = offer.plans
        risk = plan.risk(self._policy.risks)
        approved_by = by_policy(f"{risk} at {self._policy.severity}")
        own = hold.service == self._record.alert.service  # the one whose process was looked at
        crashed_at = self._record.seen[looks.process].crashed_at if own else None
        asks = asks or bool(others)
        automatic = AUTOMATIC[self._policy.severity]
        if urgent and not asks and risk not in automatic and risk in WHEN_URGENT[self._policy.severity]:
            automatic, approved_by = WHEN_URGENT[self._policy.severity], by_policy(f"{risk}, urgent")
            self._timeline.add(f"urgent, so nobody is asked: {urgent}")
        allowed_by = AllowedBy.POLICY
        if asks or risk not in automatic:
            limit = await hold.ask(offer, crashed_at)
            self._stop_if_over(done_said)
            plan, approved_by = await self._approved(offer, hold, done_said, late, limit)
            allowed_by = AllowedBy.PERSON
        self._show(Phase.ACTING)
        performed = await self._ordered(hold, plan, approved_by, allowed_by, crashed_at, offer)
        if performed.throttled is not None and not performed.done:
            raise Throttled(f"{plan.says}: {performed.found}", performed.throttled)
        if performed.dry_run:
            return performed
        hold.acted, hold.healed = True, None if performed.done else False
        if not performed.done:
            if performed.lost:
                raise PerhapsDone(f"nobody knows whether this was done: {plan.says}: {performed.found}", plan)
            raise Escalated(f"the fix failed: {plan.says}: {performed.found}")
        return performed

    async def revert(self, plan: Plan) -> Performed:
        """Undo what was temporary, also when the alert is long over. It asks nobody.

        What the page holds meanwhile stays its own. Raises `Escalated` when a person says `done`
        while another incident has the service.
        """
        done_said = self._record.done_while_reverting()
        hold = await self._hold_for(plan.service, REVERT)
        try:
            performed = await self._reverted(hold, plan, done_said)
        except Exception:  # not `finally`: a new run takes over the hold, and an evicted one awaits nothing
            await self._let_go(REVERT)
            raise
        await self._let_go(REVERT)
        return performed

    async def _reverted(self, hold: ServiceHold, plan: Plan, done_said: Callable[[], bool]) -> Performed:
        while True:
            try:
                return await self._ordered(hold, plan, REVERTED, AllowedBy.REVERT)
            except StandsStill:
                with self._only_waits(REVERT):
                    await self._pause.off()
            except Withdrawn:
                await self._granted(hold, done_said, REVERT)
                if done_said():
                    raise Escalated(f"another incident holds {hold.service}") from None

    def verified(self, ok: bool) -> None:
        """The outcome of a verification: whether what was tried under this hold helped."""
        if self._hold and self._hold.acted:
            self._hold.healed = ok

    async def regain(self) -> None:
        """Wait until a service that another incident has is granted, before it is looked at again.

        Leaves the page when the alert is over, or a person says `done`.
        """
        if self._hold is None or self._hold.held:
            return
        done_said = self._record.done_from_now_on()
        await self._granted(self._hold, lambda: self.resolved() or done_said())
        self._stop_if_over(done_said)

    async def release(self) -> None:
        """Let go of what the page holds."""
        await self._let_go(PAGE)

    async def release_at_hand(self) -> None:
        """The same, where nothing but the end of the incident follows."""
        await self._let_go(PAGE, ServiceHold.release_at_hand)

    def taken_over(self) -> bool:
        """Whether another incident has what the page held."""
        return self._hold is not None and PAGE in self._hold.users and self._hold.taken_over

    def resolved(self) -> bool:
        return self._alert_state.resolved

    def stop_if_resolved(self) -> None:
        """The safe point: nothing new is done for an alert that is over."""
        if self.resolved():
            raise ResolvedElsewhere("the alert was resolved before anything more was done")

    async def stand_still(self) -> None:
        """While the incident is paused nothing is begun, and the service is let go of. Leaves the page:
        everything is looked at again afterwards."""
        if not self._pause.on:
            self._pause.judged()
            return
        done_said = self._record.done_from_now_on()
        await self.release()
        await self._pause.over(lambda: self.resolved() or done_said())
        self._stop_if_over(done_said)
        raise Withdrawn("what paused it is over")

    def stop_if_done(self, done_said: Callable[[], bool]) -> None:
        """A person goes on instead: nothing more is done, and what is temporary is reverted."""
        self._record.stop_if_cancelled()
        if done_said() and self._record.done:
            raise ClosedByHuman(f"{who(self._record.done)} said that it is done")

    def _stop_if_over(self, done_said: Callable[[], bool]) -> None:
        """The safe point after every wait."""
        self.stop_if_resolved()
        self.stop_if_done(done_said)

    async def _ordered(
        self,
        hold: ServiceHold,
        plan: Plan,
        approved_by: str,
        allowed_by: AllowedBy,
        crashed_at: datetime | None = None,
        chosen_from: Offer | None = None,
    ) -> Performed:
        try:
            performed = await hold.order(plan, approved_by, allowed_by, crashed_at)
        except StandsStill as refused:
            self._timeline.add(f"not done: {refused.why}", by="steward")
            await self._pause.refused(plan.service.name)
            raise
        if others := [one for one in chosen_from.plans if one.digest != plan.digest] if chosen_from else []:
            instead_of = tuple(f"{one.says} (plan {one.digest})" for one in others)
            performed = performed.model_copy(update={"instead_of": instead_of})
        self._record.performed.append(performed)
        self._record.refused = None
        says = f"would {plan.says} ({approved_by})" if performed.dry_run else plan.says
        self._timeline.add(f"{says}: {performed.found}", by="steward")
        if performed.paused:
            await self._pause.refused(plan.service.name)
            raise StandsStill(f"stopped between its steps: {performed.found}")
        return performed

    async def _approved(
        self,
        offer: Offer,
        hold: ServiceHold,
        done_said: Callable[[], bool],
        late: StillFits,
        limit: Refusal | None,
    ) -> tuple[Plan, str]:
        """The plan that was approved, and the person who did."""
        if asked := self._approval.open(offer, self._policy.risks, limit):
            offered = {one.digest: one.plan.says for one in asked.options}
            self._timeline.add(f"asks for approval of {in_one_line(asked)}", asked=offered)
            self._escalation.ask()
        self._show(Phase.AWAITING_APPROVAL)
        asked_at = self._approval.pending.asked_at if self._approval.pending else workflow.now()
        continuation = self._record.continuation

        def stopped() -> bool:
            return self.resolved() or done_said() or self._pause.on or not hold.held

        while True:
            decision = await self._approval.answer(
                unless=lambda: stopped() or continuation.due, unanswered=self._escalation.nobody_answered
            )
            if decision or stopped() or self._approval.expired:
                break
            continuation.stop_if_due()
        self._approval.withdraw()
        self._stop_if_over(done_said)
        await self.stand_still()
        if not hold.held:
            raise Withdrawn("a more severe incident needs the service")
        plans = {plan.digest: plan for plan in offer.plans}
        says = "; or ".join(plan.says for plan in plans.values())
        if decision is None:
            self._record.not_approved(offer.plans, Answer.EXPIRED)
            raise Expired(f"the approval of plan {' or '.join(plans)} expired: {says}")
        if decision.verdict is Verdict.DENY:
            self._record.not_approved(offer.plans, Answer.DENIED, who(decision))
            hold.deny(offer, who(decision), decision.text)
            raise Denied(f"{who(decision)} denied: {says}", who(decision))
        taken = plans[decision.plan]
        if workflow.now() - asked_at >= LATE:
            await late(taken)
            self._stop_if_over(done_said)
        return taken, who(decision)
