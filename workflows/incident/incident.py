"""One incident: what every runbook does with its alert, as the verbs that its page is written in.

    look → confirm → diagnose → act → stays healthy

The incident owns its plain parts (timeline, alert state, approval, escalation, remediation) and is
owned by its runbook. Its verbs leave the page by the endings of `workflows.record.endings`, which
`workflows.incident.life` takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import NoReturn

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.app.api import ApiSeen, Refused
    from models.actions.plan import Plan
    from models.evidence.evidence import Evidence
    from models.incident.incident import EntryKind, Phase
    from models.incident.report import Report
    from models.incident.review import Review
    from models.names import SERVICE_DOWN
    from workflows.diagnosis.causes import UNKNOWN, Cause, Fix, Undo, UndoOf, walk
    from workflows.diagnosis.how_it_runs import is_away
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.repeated import exactly, in_vain, stopped_on_purpose
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.verifications import Verification
    from workflows.incident.closing import keep_report
    from workflows.incident.confirmation import Check, Confirmation
    from workflows.incident.life import Life, Page
    from workflows.incident.waits import Waits
    from workflows.record.endings import (
        ClosedByHuman,
        Escalated,
        PerhapsDone,
        SelfRecovered,
        Throttled,
    )
    from workflows.remediation.second_look import IsTrue, still_fits

NOBODY_ANSWERS = (Refused.NO_ANSWER, Refused.FAILED)
"""What a proxy in between says for an application that is away counts as well."""


class Incident(Waits):
    """The verbs of a page, on the parts and the state of one run."""

    is_true: IsTrue | None = None
    """Confirms the alert once more, as its page did."""

    async def respond(self, page: Page) -> Review:
        """Follow the runbook's page to one of its endings; then close with a review."""
        return await Life(self, self._resumed).lead(page)

    async def look(self, *looks: Look[Evidence]) -> Situation:
        """Take every look at once; what cannot be had is `unknown`, with the reason."""
        verb = f"look at {', '.join(look.name for look in looks)}"
        if not self.path.passed(verb):
            await self._look(*looks)
            self.path.did(verb)
        return self.now

    async def _look(self, *looks: Look[Evidence]) -> Situation:
        self._phase_lasts()
        with self.escalation.while_looking():
            await asyncio.gather(*(self._take(look, self.now) for look in looks))
        return self.now

    async def confirm(self, check: Check, *others: Check, again: Sequence[Look[Evidence]] = ()) -> None:
        """Is the alert true? Not any more: self-recovered. Could not verify: announced, no action taken.

        `check` is the runbook's own; any other evidence that is bad confirms the alert as well. `again`
        are the looks that a check follows from, beside those that are checks themselves.
        """
        self.is_true = partial(
            Confirmation(self.record, self.alert_state, self._look).of, checks=(check, *others), again=again
        )
        if self.path.passed("confirm"):
            return
        bad = await self.is_true(self.now)
        self.timeline.add(bad.reason, kind=EntryKind.CONFIRMED)
        self.pause.judged()
        self.escalation.begin_with_grace()
        self.enter(Phase.DIAGNOSING)
        self.path.did("confirm")

    def diagnose(self, table: Sequence[Cause], otherwise: Cause = UNKNOWN) -> Cause:
        """Walk the causes table with everything that was seen."""
        if passed := self.path.passed("diagnose"):
            return next(row for row in (*table, otherwise) if row.name == passed.cause)
        walked = walk(table, self.now, otherwise)
        cause, record = walked.cause, self.record
        record.cause, record.also_seen, record.ruled_out = cause.name, walked.also_seen, walked.ruled_out
        record.remedy, record.why_cause, record.not_if = cause.remedy, cause.evidence, cause.contradicted_by
        record.pointing, record.points, record.known_at = walked.pointing, walked.points, self.now.newest
        self.timeline.add(walked.says, kind=EntryKind.CAUSE)
        if cause.pages and not cause.unless(self.now):
            self.escalation.page_specialist(cause.pages, cause.name)
        self.path.did("diagnose", cause.name)
        return cause

    async def heal_first(self, service: str, runbook: str) -> str:
        """Let another service be healed in its own incident, and wait for its end; its ID.

        Nothing is held meanwhile: the other incident may need what this one holds.
        """
        verb = f"heal {service} first"
        alert = self.record.alert.model_copy(
            update={
                "name": runbook,
                "service": service,
                "named_by_rule": False,
                "source": "runbook",
                "fired_by": workflow.info().workflow_id,
                "dry_run": self.policy.asks_dry_run_of(service),
            }
        )
        if self.path.passed(verb):
            return alert.incident_id
        self._phase_lasts()
        await self.remediation.stand_still()
        done_said = self.record.done_from_now_on()
        await self.remediation.release()
        if alert.incident_id not in self.record.handed_to:
            self.record.handed_to.append(alert.incident_id)

        def stop() -> bool:
            return self.remediation.resolved() or done_said()

        await self.record.continuation.meanwhile(
            lambda: self.others.heal_first(alert, self.policy.severity, stop), stop
        )
        self.remediation.stop_if_resolved()
        self.remediation.stop_if_done(done_said)
        self.path.did(verb)
        return alert.incident_id

    async def have_it_answer(self, asked: Look[Evidence]) -> None:
        """What asks an application that is away, or its metrics, has nothing to judge: it is healed first,
        in ServiceDown.

        Leaves the page when it is still away then.
        """
        if not self._is_silent(asked):
            return
        healing = await self.heal_first(self.service.name, SERVICE_DOWN)
        now = await self.look(asked, looks.health, looks.process)
        if self._is_silent(asked):
            why = now[looks.health].reason or now[looks.process].reason
            self.hand_over(f"the application is still away: {why}; see {healing}")

    def _is_silent(self, asked: Look[Evidence]) -> bool:
        seen = self.now[asked]
        refuses = isinstance(seen, ApiSeen) and seen.refused not in NOBODY_ANSWERS
        return seen.unknown and not refuses and is_away(self.now)

    async def act(self, cause: Cause) -> Plan:
        """Carry out the fix of a cause; what is done only for now is promised to be reverted.

        A person is asked first where it was done before, since the alert began, and did not help; and where
        somebody stopped the service. Not so for what is only for now, which is done anew while its reason
        lasts.
        """
        fixed = None if cause.undo else cause.fix(self.now)
        again = in_vain(fixed, self.now, self.record.fires_since)
        fix = exactly(again) if again else cause.fix
        urgent = cause.urgent(self.now)
        asks = cause.asks_of(self.now) or again is not None or stopped_on_purpose(fixed, self.now)
        return await self.carry_out(fix, cause.undo, asks=asks, urgent=urgent)

    async def _still_fits(self, fix: Fix, plan: Plan) -> None:
        self.timeline.add("the approval came late: looks again before anything is done")
        await still_fits(plan, fix, self.now, self._look, self.is_true)

    async def act_unless_throttled(self, cause: Cause) -> timedelta | None:
        """The same; how long to wait before it is asked for again, where it was refused for now."""
        try:
            await self.act(cause)
        except Throttled as throttled:
            return throttled.after
        return None

    async def carry_out(
        self,
        fix: Fix,
        undo: Undo | UndoOf | None = None,
        *,
        asks: bool = False,
        urgent: str = "",
    ) -> Plan:
        """Have a fix done; the plan that was taken, of one or of several.

        An approval that comes late is for what was seen then: everything is looked at once more. Leaves
        the page when there is no plan, or as `Remediation.carry_out` does.
        """
        done_said = self.record.done_while_reverting()
        offer = fix(self.now)
        if offer is None:
            raise Escalated(f"the cause is {self.record.cause}: {self.record.remedy}")
        verb = f"carry out {' or '.join(plan.digest for plan in offer.plans)}"
        if passed := self.path.passed(verb):
            if passed.throttled is not None:
                raise Throttled("it was refused for now", passed.throttled)
            return next(one.plan for one in reversed(self.record.performed) if one.plan.digest in verb)
        try:
            late = partial(self._still_fits, fix)
            taken = (await self.remediation.carry_out(offer, asks=asks, urgent=urgent, late=late)).plan
        except PerhapsDone as ending:
            self._promise(undo, ending.plan, done_said)
            raise
        except Throttled as throttled:
            self.path.did(verb, throttled=throttled.after)
            raise
        self._promise(undo, taken, done_said)
        self.remediation.stop_if_done(done_said)
        self.path.did(verb)
        return taken

    async def report(self, report: Report) -> None:
        """Keep a report with its charts, and send it to whose alert it is; wait until somebody knows of it.

        Nothing was changed. Leaves the page once it is acknowledged, as the waits do before.
        """
        if not self.path.passed("report"):
            await self.remediation.stand_still()
            self.record.report = report
            kept = await keep_report(self.record, report)
            where = f"It is kept in {kept}." if kept else "It is not kept yet, and comes with the review."
            name = workflow.info().workflow_id
            self.timeline.add(f"reports: {report.title}")
            self.escalation.report(
                report.title, "\n".join((*report.paragraphs, where, f"Read it? starter.py ack {name}"))
            )
            self.path.did("report")
        await self.until_acknowledged("somebody takes note of the report")
        raise ClosedByHuman(f"{self.record.acknowledged_by} acknowledged the report")

    async def stays(self, watch: Verification, *again: Look[Evidence]) -> None:
        """Prove the recovery: well without a break for the whole stability window.

        Leaves the page when it is not, with what is seen `again` then; and when a person says `done`.
        """
        verb = f"{self.service.name} {watch.words}"
        if self.path.passed(verb):
            return
        done_said = self.record.done_from_now_on()
        self._begin_to_verify()
        self._watch, self._held_until = watch, None
        try:
            watched = await self.record.continuation.meanwhile(lambda: watch.over(self.now), done_said)
        finally:
            self._watch = None
        if watched is None:
            raise ClosedByHuman("a person said that it is done, and the verification was not waited for")
        self.remediation.verified(watched.ok)
        proof = "with nothing done: " if self.record.only_recorded else ""
        self.timeline.add(f"{proof}{watched.reason}", kind=EntryKind.VERIFIED)
        self.record.watched = watched
        if not watched.ok:
            self.record.unwell_at = workflow.now() if watched.bad else None
            what = "cannot be seen" if watched.unknown else "still fails"
            now = await self._look(*again) if again else self.now
            reasons = "; ".join([watched.reason, *(now[look].reason for look in again)])
            raise Escalated(f"{self.service.name} {what}: {reasons}")
        self.path.did(verb)

    def recovered(self) -> None:
        """It is well; what follows only watches: nobody is paged meanwhile, until something fails."""
        if not self.record.only_recorded:
            self.escalation.rest()

    def only_watches(self, why: str) -> None:
        """Nothing is to be done: the first role is told, and nobody is paged until something fails."""
        verb = "only watch"
        if not self.path.passed(verb):
            title = f"{workflow.info().workflow_id}: nothing is to be done"
            self.escalation.tell_owner(title, self.situation(why))
            self.path.did(verb)
        self.escalation.rest()

    def remark(self, text: str) -> None:
        """A sentence for the review, once."""
        if text not in self.record.remarks:
            self.record.remarks.append(text)

    def dismiss(self, why: str) -> NoReturn:
        """What the alert warns of is not so, however it seems: nothing is done."""
        raise SelfRecovered(why)

    def hand_over(self, why: str) -> NoReturn:
        """Nothing that the product may do: a human goes on, with everything that was seen."""
        self.escalation.begin()
        raise Escalated(why)
