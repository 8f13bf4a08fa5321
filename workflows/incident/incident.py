"""One incident: what every runbook does with its alert, as the verbs that its page is written in.

    look → confirm → diagnose → act → stays healthy

The incident owns its plain parts (timeline, alert state, approval, escalation, remediation) and is
owned by its runbook. Its verbs leave the page by the endings of `workflows.record.endings`, which
`workflows.incident.life` takes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.incident.ui as ui
    from models.base import in_words
    from models.evidence.evidence import Evidence, VerificationResult
    from models.incident.alert import Alert
    from models.incident.incident import IncidentState, Performed, Phase
    from models.incident.policy import Policy
    from models.incident.review import Review
    from models.service.service import Service
    from workflows.diagnosis.causes import UNKNOWN, Cause, Fix, Undo, walk
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.verifications import Verification
    from workflows.escalation.escalation import Escalation
    from workflows.escalation.wording import situation
    from workflows.incident.confirmation import Check, Confirmation
    from workflows.incident.life import Life, Page
    from workflows.incident.messages import People
    from workflows.incident.notifications import Notifications
    from workflows.incident.other_incidents import OtherIncidents
    from workflows.record.alert_state import AlertState, taken_over
    from workflows.record.cut_short import unless
    from workflows.record.endings import ClosedByHuman, Escalated, PerhapsDone, Withdrawn
    from workflows.record.mistakes import Mistakes, raise_temporals_own
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline
    from workflows.remediation.approval import Approval
    from workflows.remediation.remediation import Remediation
    from workflows.remediation.undo import Undoing


SLOW = timedelta(seconds=5)
"""So long the first person who is due waits for the looks."""


class Incident:
    """The state and the verbs of one run."""

    escalation: Escalation

    def __init__(self, alert: Alert) -> None:
        self.timeline = Timeline(grew=self._show_details)
        self.mistakes = Mistakes(self.timeline)
        self.record = Record(alert, self.timeline)
        self.alert_state = AlertState(alert, self.timeline, taken_over())
        self.approval = Approval(self.timeline)
        self.people = People(self.record, self.timeline, self.approval)
        self.remediation = Remediation(self.record, self.timeline, self.alert_state, self.approval, self.show)
        self.others = OtherIncidents(self.timeline)
        self.notifications = Notifications(self.record, self.timeline, self.alert_state, self.remediation)
        self._watch: Verification | None = None
        self.undoing = Undoing(self.timeline, self.mistakes, self._revert, self._not_reverted)

    @property
    def policy(self) -> Policy:
        """What the configuration says of this incident, taken when it began."""
        assert self.record.policy is not None, "an incident takes its policy first"  # noqa: S101
        return self.record.policy

    @property
    def service(self) -> Service:
        """The service that the alert is about."""
        if self.policy.service is None:
            raise Escalated(f"there is no service {self.record.alert.service}")
        return self.policy.service

    @property
    def now(self) -> Situation:
        """What was seen so far, and what the policy says about it."""
        return Situation(self.record.seen, self.policy, self.service)

    async def respond(self, page: Page) -> Review:
        """Follow the runbook's page to one of its endings; then close with a review."""
        return await Life(self).lead(page)

    # The verbs of a page

    async def look(self, *looks: Look[Evidence]) -> Situation:
        """Take every look at once; what cannot be had is `unknown`, with the reason.

        Nobody waits for a slow look to be told: the ladder begins meanwhile, with what is known so far.
        """
        now = self.now
        looking = asyncio.gather(*(self._take(look, now) for look in looks))
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(looking.done, timeout=SLOW, timeout_summary="a look is slow")
        if not looking.done():
            self.escalation.begin()
        await looking
        return self.now

    async def _take(self, look: Look[Evidence], now: Situation) -> None:
        found = await look.take(now)
        self.record.seen = self.record.seen.having([(look, found)])

    async def confirm(self, check: Check, *others: Check, again: Sequence[Look[Evidence]] = ()) -> None:
        """Is the alert true? Not any more: self-recovered. Could not verify: announced, no action taken.

        `check` is the runbook's own; any other evidence that is bad confirms the alert as well. `again`
        are the looks that a check follows from, beside those that are checks themselves.
        """
        confirmation = Confirmation(self.record, self.alert_state, self.look)
        bad = await confirmation.of(self.now, (check, *others), again)
        self.timeline.add(f"confirmed: {bad.reason}")
        self.escalation.begin()
        self.show(Phase.DIAGNOSING)

    def diagnose(self, table: Sequence[Cause], otherwise: Cause = UNKNOWN) -> Cause:
        """Walk the causes table with everything that was seen."""
        walked = walk(table, self.now, otherwise)
        cause = walked.cause
        self.record.cause, self.record.remedy = cause.name, cause.remedy
        self.record.also_seen = walked.also_seen
        self.timeline.add(walked.says)
        if cause.pages:
            self.escalation.page_specialist(cause.pages, cause.name)
        return cause

    async def heal_first(self, service: str, runbook: str) -> None:
        """Let another service be healed in its own incident, and wait for its end.

        Nothing is held meanwhile: the other incident may need what this one holds.
        """
        done_said = self.record.done_from_now_on()
        await self.remediation.release()
        name = workflow.info().workflow_id
        alert = self.record.alert.model_copy(
            update={
                "name": runbook,
                "service": service,
                "named_by_rule": False,
                "source": "runbook",
                "fired_by": name,
            }
        )
        self.record.handed_to.append(alert.incident_id)
        await self.others.heal_first(
            alert, self.policy.severity, lambda: self.remediation.resolved() or done_said()
        )
        self.remediation.stop_if_resolved()
        self.remediation.stop_if_done(done_said)

    async def act(self, cause: Cause) -> None:
        """Carry out the fix of a cause; what is done only for now is promised to be reverted."""
        await self.carry_out(cause.fix, cause.undo, asks=cause.asks)

    async def carry_out(self, fix: Fix, undo: Undo | None = None, *, asks: bool = False) -> Performed:
        """Have a fix done. Leaves the page when there is no plan, or as `Remediation.carry_out` does."""
        done_said = self.record.done_from_now_on()
        plan = fix(self.now)
        if plan is None:
            raise Escalated(f"the cause is {self.record.cause}: {self.record.remedy}")
        try:
            performed = await self.remediation.carry_out(plan, asks=asks)
        except PerhapsDone:
            self._promise(undo, done_said)
            raise
        self._promise(undo, done_said)
        self.remediation.stop_if_done(done_said)
        return performed

    async def wait(self, how_long: timedelta, why: str) -> None:
        """Let time pass before another look; the end of the alert and a person's `done` leave the page."""
        done_said = self.record.done_from_now_on()
        self.timeline.add(f"waits {in_words(how_long)}: {why}")
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.remediation.resolved() or done_said(), timeout=how_long, timeout_summary=why
            )
        self.remediation.stop_if_resolved()
        self.remediation.stop_if_done(done_said)

    async def stays(self, watch: Verification) -> VerificationResult:
        """Prove the recovery: well without a break for the whole stability window.

        Leaves the page when it is not, and when a person says `done` meanwhile.
        """
        done_said = self.record.done_from_now_on()
        self.show(Phase.VERIFYING)
        self._watch = watch
        try:
            watched = await unless(done_said, watch.over(self.now))
        finally:
            self._watch = None
        if watched is None:
            raise ClosedByHuman("a person said that it is done, and the verification was not waited for")
        self.remediation.verified(watched.ok)
        self.timeline.add(f"verification: {watched.reason}")
        self.record.watched = watched
        if not watched.ok:
            self.record.unwell_at = workflow.now() if watched.bad else None
            what = "cannot be seen" if watched.unknown else "still fails"
            raise Escalated(f"{self.service.name} {what}: {watched.reason}")
        return watched

    async def comes_back(self, soon: Verification, late: Verification | None) -> None:
        """Wait for what comes back by itself: first quietly, then with a person called, who may be asleep.

        Without `late` it is looked at anew after the first wait. Leaves the page when the alert is over,
        or a person says `done`.
        """
        why = f"{self.service.name} should come back by itself: it is waited for"
        self.timeline.add(why)
        self.escalation.notice(f"{workflow.info().workflow_id} waits", self.situation(why))
        waited = await self._waited(soon)
        if waited.ok or late is None:
            return
        self.escalation.push(waited.reason)
        if not (waited := await self._waited(late)).ok:
            raise Escalated(waited.reason)

    async def _waited(self, wait: Verification) -> VerificationResult:
        done_said = self.record.done_from_now_on()
        waited = await unless(lambda: self.remediation.resolved() or done_said(), wait.over(self.now))
        self.remediation.stop_if_resolved()
        self.remediation.stop_if_done(done_said)
        if waited is None:
            raise Withdrawn("the alert ended, and fires anew")
        self.timeline.add(f"waited: {waited.reason}, {waited.last.reason}")
        return waited

    def hand_over(self, why: str) -> None:
        """Nothing that the product may do: a human goes on, with everything that was seen."""
        self.escalation.begin()
        raise Escalated(why)

    def state(self) -> IncidentState:
        rung = self.escalation.rung if self._responding else ""
        return self.record.state(self.approval.pending, rung)

    # The parts

    def show(self, phase: Phase) -> None:
        """Enter a phase, and let the Temporal UI show it."""
        if phase is not self.record.phase:
            self.record.phase = phase
            ui.show_phase(phase)
        self._show_details()

    def _show_details(self) -> None:
        try:
            ui.show_details(self.record, self.approval.pending)
        except Exception as error:
            raise_temporals_own(error)
            workflow.logger.error("could not update the Temporal UI", exc_info=error)

    def _promise(self, undo: Undo | None, done_said: Callable[[], bool]) -> None:
        """A temporary change that may have been made is reverted, too."""
        if undo:
            self.undoing.promise(undo, self.now, done_said)

    async def _revert(self, fix: Fix) -> None:
        plan = fix(self.now)
        performed = await self.remediation.revert(plan) if plan else None
        if performed is None or not performed.done:
            raise Escalated(performed.found if performed else "it cannot be reverted")

    def _not_reverted(self, why: str) -> None:
        self.record.remarks.append(f"The temporary change could not be reverted: {why}.")
        self.record.acknowledged_by = ""
        self.escalation.push(f"the temporary change could not be reverted: {why}")

    async def proved(self) -> bool:
        """While a fixed service is well and its proof goes on: wait for the end of the proof."""
        if self._watch is None or not (await self._watch.check.take(self.now)).ok:
            return False
        await workflow.wait_condition(lambda: self._watch is None)
        return True

    def situation(self, why: str) -> str:
        return situation(why, self.record, self.approval.pending)

    @property
    def _responding(self) -> bool:
        return hasattr(self, "escalation")
