"""One incident: what every runbook does with its alert, as the verbs that its page is written in.

    look → confirm → diagnose → act → stays healthy

The incident owns its plain parts (timeline, alert state, approval, escalation, claims) and is
owned by its runbook. Its verbs leave the page by the endings of `workflows.endings`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.health import HealthActivities
    from activities.policy import PolicyActivities
    from models.action import AUTOMATIC, Plan
    from models.alert import Alert
    from models.base import in_words
    from models.evidence import Evidence, HealthWatched, Seen, WatchHealth
    from models.incident import IncidentState, Performed, Phase, Verdict
    from models.joining import Join
    from models.policy import Policy
    from models.review import Review
    from models.service import Service
    from models.stewardship import StewardSays
    from workflows import joining, presence
    from workflows.alert_state import AlertState
    from workflows.approval import Approval
    from workflows.claim import Claim
    from workflows.closing import Closing
    from workflows.diagnosis import UNKNOWN, Cause, Fix, Situation, walk
    from workflows.endings import Ending, Escalated, ResolvedElsewhere, SelfRecovered, Withdrawn
    from workflows.escalation import Escalation
    from workflows.failures import in_short
    from workflows.people import People
    from workflows.record import Record
    from workflows.steps import Step
    from workflows.timeline import Timeline, who
    from workflows.wording import situation

Page = Callable[["Incident"], Awaitable[None]]


class Incident:
    """The state and the verbs of one run."""

    policy: Policy
    escalation: Escalation

    def __init__(self, alert: Alert) -> None:
        self.timeline = Timeline()
        self.record = Record(alert, self.timeline)
        self.alert_state = AlertState(alert, self.timeline)
        self.approval = Approval(self.timeline)
        self.people = People(self.record, self.timeline, self.approval)
        self.claims: dict[str, Claim] = {}

    @property
    def service(self) -> Service:
        """The service that the alert is about."""
        if self.policy.service is None:
            raise Escalated(f"the configuration knows no service {self.record.alert.service}")
        return self.policy.service

    # The life of the incident

    async def respond(self, page: Page) -> Review:
        """Follow the runbook's page to one of its endings; then close with a review."""
        alert = self.record.alert
        self.policy = self.record.policy = await self._take_policy(alert)
        self.approval.policy = self.policy.approval
        self.escalation = Escalation(self.policy, alert.starts_at, self.timeline, self._situation)
        self.people.escalation = self.escalation
        self.timeline.add(
            f"{alert.name} on {alert.service} fires since {alert.starts_at:%H:%M:%S} UTC",
            by=alert.fired_by or alert.source,
        )
        ending = await self._follow(page)
        closing = Closing(self.record, self.alert_state, self.escalation, self.claims, self.show)
        if isinstance(ending, Escalated):
            await self._release(healed=False)
            await closing.wait_for_a_human()
        review = await closing.close(ending)
        if self.alert_state.fired_again:
            workflow.continue_as_new(self.alert_state.alert)
        return review

    async def _follow(self, page: Page) -> Ending | None:
        """How the page was left; None at its last line: healed."""
        while True:
            try:
                await page(self)
            except Withdrawn:
                await self._regain()
            except Ending as ending:
                return self._left(ending)
            except (FailureError, ValueError) as error:
                return self._left(Escalated(f"the runbook could not go on: {in_short(error)}"))
            else:
                return None

    def _left(self, ending: Ending) -> Ending:
        self.timeline.add(f"{'escalated: ' if isinstance(ending, Escalated) else ''}{ending.why}")
        if isinstance(ending, Escalated):
            self.record.escalated_because = ending.why
            self.show(Phase.ESCALATED)
            self.escalation.push(ending.why)
        return ending

    # The verbs of a page

    async def look(self, *steps: Step) -> Seen:
        """Take every look at once; what cannot be had is `unknown`, with the reason."""
        seen = self.record.seen
        found = await asyncio.gather(*(self._take(step) for step in steps if self.service))
        update = dict(zip((step.field for step in steps), found, strict=True))
        self.record.seen = seen.model_copy(update=update)
        return self.record.seen

    def confirm(self, check: Evidence, *others: Evidence) -> None:
        """Is the alert true? Not any more: self-recovered. Nobody can see: announced, nothing touched.

        `check` is the runbook's own; any other evidence that is bad confirms the alert as well.
        """
        bad = next((one for one in (check, *others) if one.bad), None)
        if bad:
            self.timeline.add(f"confirmed: {bad.reason}")
            self.escalation.begin()
            self.show(Phase.DIAGNOSING)
        elif check.ok:
            raise SelfRecovered(f"the alert is not true any more: {check.reason}")
        else:
            raise Escalated(f"nobody can see whether it is true: {check.reason}; nothing was touched")

    def diagnose(self, table: Sequence[Cause], otherwise: Cause = UNKNOWN) -> Cause:
        """Walk the causes table with everything that was seen."""
        cause, also_seen = walk(table, self._now(), otherwise)
        self.record.cause, self.record.also_seen = cause.name, also_seen
        also = f"; also seen: {', '.join(also_seen)}" if also_seen else ""
        self.timeline.add(f"cause: {cause.name}{also}")
        if cause.pages:
            self.escalation.page_specialist(cause.pages)
        return cause

    async def heal_first(self, service: str, runbook: str) -> None:
        """Let another service be healed in its own incident, and wait for its end."""
        name = workflow.info().workflow_id
        alert = self.record.alert.model_copy(
            update={"name": runbook, "service": service, "source": "runbook", "fired_by": name}
        )
        await joining.heal_first(Join(alert=alert, runbook=runbook), self.timeline, self._resolved)
        self._stop_if_resolved()

    async def act(self, fix: Fix) -> Performed:
        """Carry the fix out through its service's steward, asking a human where its risk says so.

        Leaves the page when there is no plan, the alert is over, the plan is denied or expires,
        the steward refuses, or the action was not done.
        """
        plan = fix(self._now())
        if plan is None:
            raise Escalated(f"the cause is {self.record.cause}, and no fix may be tried without a human")
        claim = self._claim(plan.service.name)
        self._stop_if_resolved()
        await claim.take(self._crashed_at(), unless=self._resolved)
        self._stop_if_resolved()
        approved_by = await self._approved(plan, claim)
        self.show(Phase.ACTING)
        performed = await claim.order(plan, approved_by)
        self.record.performed.append(performed)
        self.timeline.add(f"{plan.says}: {performed.found}", by="steward")
        if not performed.done:
            raise Escalated(f"it did not work: {plan.says}: {performed.found}")
        return performed

    async def stays_healthy(self) -> HealthWatched:
        """Prove the recovery: healthy without a break for the stability window."""
        self.show(Phase.VERIFYING)
        window = self.policy.thresholds.stable_for
        watched: HealthWatched = await workflow.execute_activity_method(
            HealthActivities.watch_health,
            WatchHealth(service=self.service, stable_for=window),
            task_queue=self.service.queue,
            start_to_close_timeout=3 * window + timedelta(minutes=10),
            heartbeat_timeout=timedelta(seconds=10),
            summary=f"{self.service.name} stays healthy for {in_words(window)}",
        )
        self.timeline.add(f"watch: {watched.reason}")
        self.record.watched = watched
        if not watched.ok:
            what = "cannot be seen" if watched.unknown else "still fails"
            raise Escalated(f"{self.service.name} {what}: {watched.reason}")
        return watched

    def hand_over(self, why: str) -> None:
        """Nothing that the product may do: a human goes on, with everything that was seen."""
        self.escalation.begin()
        raise Escalated(why)

    # What the alert's source and the steward say

    def hear_alert(self, alert: Alert) -> None:
        if self.alert_state.hear(alert) and self._responding:
            self.escalation.notice(f"{alert.incident_id} is flapping", "It fires on and off.")

    def hear_steward(self, says: StewardSays) -> None:
        self._claim(says.service).hear(says)

    def state(self) -> IncidentState:
        rung = self.escalation.rung if self._responding else ""
        return self.record.state(self.approval.pending, rung)

    # The parts

    def show(self, phase: Phase) -> None:
        """Enter a phase, and let the Temporal UI show it."""
        if phase is not self.record.phase:
            self.record.phase = phase
            presence.show_phase(phase)
        presence.show_details(phase, self.record.cause, self.approval.pending, self.timeline.entries)

    async def _take_policy(self, alert: Alert) -> Policy:
        policy: Policy = await workflow.execute_local_activity_method(
            PolicyActivities.take_policy,
            alert,
            start_to_close_timeout=timedelta(seconds=10),
            summary="policy as of now",
        )
        return policy

    async def _take(self, step: Step) -> Evidence:
        try:
            found: Evidence = await step.take(self.policy)
        except FailureError as error:
            return step.blind(f"could not be looked at: {in_short(error)}")
        return found

    async def _approved(self, plan: Plan, claim: Claim) -> str:
        """Who approved the plan: the policy by its risk, or a person who was asked."""
        risk = plan.risk(self.policy.risks)
        if risk in AUTOMATIC[self.policy.severity]:
            return f"policy ({risk} at {self.policy.severity})"
        self.timeline.add(f"asks for approval of plan {plan.digest}: {plan.says}")
        self.escalation.ask(plan, risk)
        self.approval.open(plan, risk)
        self.show(Phase.AWAITING_APPROVAL)
        over = lambda: self._resolved() or claim.withdrawn  # noqa: E731  one condition, named
        decision = await self.approval.answer(unless=over, unanswered=self.escalation.nobody_answered)
        self._stop_if_resolved()
        if claim.withdrawn:
            raise Withdrawn("a more severe incident needs the service")
        if decision is None:
            raise Escalated(f"the approval of plan {plan.digest} expired: {plan.says}")
        if decision.verdict is Verdict.DENY:
            raise Escalated(f"{who(decision)} denied: {plan.says}")
        return who(decision)

    def _resolved(self) -> bool:
        return self.alert_state.resolved

    def _stop_if_resolved(self) -> None:
        if self._resolved():
            raise ResolvedElsewhere("the alert was resolved before anything more was done")

    def _claim(self, service: str) -> Claim:
        if service not in self.claims:
            self.claims[service] = Claim(service, self.policy.severity, self.timeline)
        return self.claims[service]

    async def _regain(self) -> None:
        """Wait for the service that a more severe incident took; everything is looked at again then."""
        self.show(Phase.TRIAGE)
        lost = [claim for claim in self.claims.values() if claim.withdrawn]
        await workflow.wait_condition(lambda: self._resolved() or not any(c.withdrawn for c in lost))

    async def _release(self, healed: bool) -> None:
        for claim in self.claims.values():
            await claim.release(healed)

    def _now(self) -> Situation:
        return Situation(self.record.seen, self.policy, self.service)

    def _situation(self, why: str) -> str:
        return situation(why, self.record, self.approval.pending)

    @property
    def _responding(self) -> bool:
        return hasattr(self, "escalation")

    def _crashed_at(self) -> datetime | None:
        return self.record.seen.process.finished_at if self.record.seen.process.exited else None
