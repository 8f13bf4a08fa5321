"""What one incident is made of, and what it shows: owned by the incident, wired here alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.incident.ui as ui
    from models.actions.plan import Plan
    from models.incident.alert import Alert
    from models.incident.incident import IncidentState, Phase
    from models.incident.joining import Ended
    from models.incident.policy import Policy
    from models.incident.so_far import SoFar
    from models.service.service import Service
    from models.telling.in_short import InShort
    from workflows.diagnosis.causes import Revert, Undo, UndoOf
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.verifications import Verification
    from workflows.escalation.escalation import Escalation
    from workflows.escalation.in_short import in_short
    from workflows.escalation.wording import situation
    from workflows.incident.confirmation import APART, SAMPLES
    from workflows.incident.messages import People
    from workflows.incident.notifications import Notifications
    from workflows.incident.other_incidents import OtherIncidents
    from workflows.incident.path import Path
    from workflows.incident.resuming import resume
    from workflows.maintenance.pause import Pause
    from workflows.proposals.proposals import Proposals
    from workflows.record.alert_state import AlertState, taken_over
    from workflows.record.endings import Escalated
    from workflows.record.mistakes import Mistakes, raise_temporals_own
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline
    from workflows.remediation.approval import Approval
    from workflows.remediation.remediation import Remediation
    from workflows.remediation.undo import Undoing

THE_END_FIRST = "an end that comes with the clock is acted upon first"
"""Runs that heard such an end before this paged all the same."""


class Parts:
    """The plain parts of one run, and its state."""

    escalation: Escalation

    def __init__(self, alert: Alert, so_far: SoFar | None = None) -> None:
        self.timeline = Timeline(grew=self._show_details)
        self.mistakes = Mistakes(self.timeline)
        self.record = Record(alert, self.timeline)
        self.alert_state = AlertState(alert, self.timeline, taken_over())
        self.approval = Approval(self.timeline)
        self.proposals = Proposals(
            self.record, self.timeline, lambda: self.approval.pending, lambda: self.alert_state.resolved
        )
        self.people = People(self.record, self.timeline, self.approval, self.proposals)
        self.pause = Pause(self.record, self.timeline, self.mistakes, self.show)
        self.remediation = Remediation(
            self.record, self.timeline, self.alert_state, self.approval, self.pause, self.show
        )
        self.others = OtherIncidents(self.timeline, self._ended_later)
        self.notifications = Notifications(self.record, self.timeline, self.alert_state, self.remediation)
        self._watch: Verification | None = None
        self._held_until: datetime | None = None
        self.undoing = Undoing(
            self.timeline,
            self.mistakes,
            self._revert,
            self._not_reverted,
            self.remediation.resolved,
            self.pause.off,
            lambda: self.record.cancelled is not None,
        )
        self.path = Path(self.record)
        self.record.continuation.waits_for(lambda: self.undoing.acting > self.remediation.reverts_waiting)
        self.record.continuation.waits_for(lambda: self.others.telling)
        self.record.continuation.stops(self.undoing.stop)
        self._resumed = so_far
        if so_far:
            resume(self, so_far)
        self._found_by = self.record.phase

    def begin_to_escalate(self) -> None:
        """Take a ladder, from when the alert began; a new one where it fires anew."""
        before = self.escalation if self._responding else None
        since = min(self.alert_state.alert.starts_at, workflow.now())
        self.escalation = Escalation(
            self.policy,
            since,
            self.timeline,
            self.mistakes,
            self.situation,
            self.proved,
            lambda: self.approval.pending.digests if self.approval.pending else (),
        )
        if before:
            self.escalation.take_over(before)
        self.escalation.follow(self._in_short)
        self.people.escalation = self.notifications.escalation = self.escalation
        self.remediation.begin(self.policy, self.escalation)
        self.pause.begin(self.escalation)
        self.record.continuation.waits_for(lambda: self.escalation.telling)
        self.record.continuation.stops(self.escalation.pause)
        self.record.continuation.stops(self.escalation.stop_following)

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
        record = self.record
        return Situation(
            record.seen, self.policy, self.service, record.alert.labels, record.points, record.fires_since
        )

    def state(self) -> IncidentState:
        rung = self.escalation.rung if self._responding else ""
        next_rung = self.escalation.next_rung if self._responding else None
        return self.record.state(self.approval.pending, rung, next_rung)

    def show(self, phase: Phase) -> None:
        """Enter a phase, and let the run be found by it."""
        self.enter(phase)
        self._phase_lasts()

    def enter(self, phase: Phase) -> None:
        """Enter a phase that may pass at once: only when it lasts is it worth an event to be found by it."""
        self.record.phase = phase
        self.timeline.enters(phase)
        self._show_details()

    def _phase_lasts(self) -> None:
        if self._found_by is not self.record.phase:
            self._found_by = self.record.phase
            ui.show_phase(self.record)

    def _show_details(self) -> None:
        try:
            ui.show_details(self.record, self.approval.pending)
        except Exception as error:
            raise_temporals_own(error)
            workflow.logger.error("could not update the Temporal UI", exc_info=error)

    def _promise(self, undo: Undo | UndoOf | None, plan: Plan, done_said: Callable[[], bool]) -> None:
        """A temporary change that may have been made is reverted, too."""
        undo = undo(plan) if callable(undo) else undo
        if undo:
            self.undoing.promise(undo, self.now, done_said)

    async def _revert(self, fix: Revert) -> None:
        plan = fix(self.now)
        performed = await self.remediation.revert(plan) if plan else None
        if performed is None or not (performed.done or performed.dry_run):
            raise Escalated(performed.found if performed else "it cannot be reverted")

    def _not_reverted(self, why: str) -> None:
        self.record.remarks.append(f"The temporary change could not be reverted: {why}.")
        self.record.acknowledged_by = ""
        self.escalation.push(f"the temporary change could not be reverted: {why}")

    def _begin_to_verify(self) -> None:
        """What was done seems to have helped, and is proved now."""
        self.show(Phase.VERIFYING)
        if self.record.performed and not self.record.only_recorded:
            stable_for = self.policy.thresholds.stable_for
            self.escalation.repaired(self.record.performed[-1].plan.says, stable_for)

    def _ended_later(self, ended: Ended) -> None:
        """Whoever took this incident over hears that what it waited for is over."""
        if self._responding and self.record.outcome is None:
            why = f"{ended.incident}, which this one waited for, ended: {ended.summary}"
            self.escalation.notice(f"{ended.incident} ended", self.situation(why))

    async def proved(self) -> bool:
        """While a fixed service is well and its proof goes on: wait for the end of the proof.

        Once in a proof, and for one stability window: what stays well is proved by then. What fails
        meanwhile waits for no proof. An end that came in one task with the clock, as after an outage, is
        acted upon first.
        """
        if self.alert_state.resolved and workflow.patched(THE_END_FIRST):
            await workflow.wait_condition(lambda: True)
        watch, held_until = self._watch, self._held_until
        if watch is None or not self.record.performed or self.record.only_recorded:
            return False
        if held_until and workflow.now() >= held_until:
            return False
        if not await self._is_well(watch):
            return False
        window = self.policy.thresholds.stable_for
        self._held_until = held_until = held_until or workflow.now() + window
        left = max(held_until - workflow.now(), timedelta())
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._watch is not watch or self.escalation.has_failed,
                timeout=left,
                timeout_summary="the proof takes too long",
            )
        return True

    async def _is_well(self, watch: Verification) -> bool:
        """Several looks in a row: one good look proves nothing of what alternates."""
        for look in range(SAMPLES):
            if look:
                await workflow.sleep(APART, summary="one good look keeps nobody asleep")
            if not (await watch.check.take(self.now)).ok:
                return False
        return True

    def situation(self, why: str) -> str:
        reached = self.escalation.rung if self._responding else ""
        return situation(why, self.record, self.approval.pending, reached)

    def _in_short(self) -> InShort | None:
        """None when it cannot be written: the messages themselves go out all the same."""
        try:
            return in_short(self.record, self.approval.pending, self.escalation.rung)
        except Exception as error:
            workflow.logger.error("could not write the incident in short", exc_info=error)
            return None

    @property
    def _responding(self) -> bool:
        return hasattr(self, "escalation")
