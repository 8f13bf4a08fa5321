"""The hands of an incident: it acts through the stewards, and asks a human where the risk says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from models.actions.change import Risk
    from models.actions.plan import AUTOMATIC, Plan
    from models.incident.incident import Performed, Phase, Verdict
    from models.incident.policy import Policy
    from models.incident.stewardship import Order, StewardSays
    from workflows.escalation.escalation import Escalation
    from workflows.record.alert_state import AlertState
    from workflows.record.endings import Escalated, ResolvedElsewhere, Withdrawn
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline, who
    from workflows.remediation.approval import Approval
    from workflows.remediation.hold import Claim


class Remediation:
    """One claim a service; one plan at a time; nothing new once the alert is over."""

    def __init__(
        self,
        record: Record,
        timeline: Timeline,
        alert_state: AlertState,
        approval: Approval,
        show: Callable[[Phase], None],
    ) -> None:
        self._record = record
        self._timeline = timeline
        self._alert_state = alert_state
        self._approval = approval
        self._show = show
        self._claims: dict[str, Claim] = {}

    def begin(self, policy: Policy, escalation: Escalation) -> None:
        """Take the policy by which risks are judged, and the ladder by which questions are asked."""
        self._policy = policy
        self._escalation = escalation

    def hear(self, says: StewardSays) -> None:
        """Hand what a steward says to the claim that it is about."""
        if says.service in self._claims:
            self._claims[says.service].hear(says)

    async def carry_out(self, plan: Plan) -> Performed:
        """Hold the service, get the approval, have it done, and tell what was found.

        Leaves the page when the alert is over, the plan is denied or expires, the steward refuses,
        or it was not done; and when another incident had the service first, to look again.
        """
        self.stop_if_resolved()
        claim = self._claim(plan.service.name)
        risk = plan.risk(self._policy.risks)
        if risk in AUTOMATIC[self._policy.severity]:
            order = claim.write(plan, f"policy ({risk} at {self._policy.severity})")
            await self._take(claim, order)
        else:
            await self._take(claim, None)
            order = claim.write(plan, await self._approved(plan, risk, claim))
        self._show(Phase.ACTING)
        performed = await self._order(claim, order)
        if not performed.done:
            raise Escalated(f"it did not work: {plan.says}: {performed.found}")
        return performed

    async def take_back(self, plan: Plan) -> Performed:
        """Undo what was done only for now, also when the alert is long over. It asks nobody."""
        claim = self._claim(plan.service.name)
        await claim.take(None, unless=lambda: False)
        order = claim.write(plan, "the approval of what is taken back")
        performed = await self._order(claim, order)
        claim.acted = False
        await claim.release(healed=performed.done)
        return performed

    async def regain(self) -> None:
        """Wait for the services that a more severe incident took."""
        lost = [claim for claim in self._claims.values() if claim.withdrawn]
        await workflow.wait_condition(lambda: self.resolved() or not any(c.withdrawn for c in lost))

    async def release(self, healed: bool) -> None:
        """Let every service go."""
        for claim in self._claims.values():
            await claim.release(healed)

    def resolved(self) -> bool:
        return self._alert_state.resolved

    def stop_if_resolved(self) -> None:
        """The safe point: nothing new is done for an alert that is over."""
        if self.resolved():
            raise ResolvedElsewhere("the alert was resolved before anything more was done")

    async def _take(self, claim: Claim, order: Order | None) -> None:
        """Hold the service; an order that went along is beyond the safe point."""
        waited = await claim.take(self._crashed_at(claim.service), self.resolved, order)
        if not claim.ordered:
            self.stop_if_resolved()
        if waited:
            raise Withdrawn("another incident had the service until now")

    async def _order(self, claim: Claim, order: Order) -> Performed:
        performed = await claim.order(order)
        self._record.performed.append(performed)
        self._timeline.add(f"{order.plan.says}: {performed.found}", by="steward")
        return performed

    async def _approved(self, plan: Plan, risk: Risk, claim: Claim) -> str:
        """The person who approved the plan."""
        self._timeline.add(f"asks for approval of plan {plan.digest}: {plan.says}")
        self._approval.open(plan, risk)
        self._escalation.ask(plan, risk)
        self._show(Phase.AWAITING_APPROVAL)
        decision = await self._approval.answer(
            unless=lambda: self.resolved() or claim.withdrawn,
            unanswered=self._escalation.nobody_answered,
        )
        self.stop_if_resolved()
        if claim.withdrawn:
            raise Withdrawn("a more severe incident needs the service")
        if decision is None:
            raise Escalated(f"the approval of plan {plan.digest} expired: {plan.says}")
        if decision.verdict is Verdict.DENY:
            raise Escalated(f"{who(decision)} denied: {plan.says}")
        return who(decision)

    def _claim(self, service: str) -> Claim:
        if service not in self._claims:
            self._claims[service] = Claim(service, self._policy.severity, self._timeline)
        return self._claims[service]

    def _crashed_at(self, service: str) -> datetime | None:
        """The process that was looked at is that of the alert's own service."""
        process = self._record.seen[looks.process]
        own = service == self._record.alert.service
        return process.finished_at if own and process.exited else None
