"""The facts of one incident, from which its state, pages and review are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.service.logs import LogsSeen
    from models.actions.plan import Plan
    from models.base import in_words
    from models.catalogue.line import ProposalLine
    from models.evidence.evidence import Probes, VerificationResult
    from models.evidence.seen import Seen
    from models.incident.alert import Alert
    from models.incident.announcement import NextRung
    from models.incident.dry_run import Answer, DryRun, Planned
    from models.incident.incident import (
        EvidenceLine,
        IncidentState,
        Outcome,
        PendingApproval,
        Performed,
        Phase,
        Spoken,
    )
    from models.incident.maintenance import Paused
    from models.incident.policy import Policy
    from models.incident.refusal import Refusal
    from models.incident.report import Report
    from models.incident.review import Review
    from models.incident.so_far import Wait
    from models.names import Severity
    from workflows.record.continuation import Continuation, began_in
    from workflows.record.endings import Cancelled
    from workflows.record.failures import answer_of, tried
    from workflows.record.timeline import Timeline, who


class Record:
    """Facts only; the incident decides, and writes them here."""

    proposals: tuple[ProposalLine, ...] = ()
    """What people and programs proposed, and what became of it."""
    hurts: str = ""
    not_if: str | None = None
    pointing: str = ""
    points: tuple[str, ...] = ()
    """Whom it hurts; what would contradict the cause; by which evidence its row matched, and its looks."""
    known_at: datetime | None = None
    """When the newest evidence was read that was known when the cause was named."""

    def __init__(self, alert: Alert, timeline: Timeline) -> None:
        self.alert = alert
        """The alert as it first came in."""
        self.fires_since = min(alert.starts_at, workflow.now())
        """What deadlines are measured from: `startsAt`, unless its source's clock is ahead."""
        self.timeline = timeline
        self.continuation = Continuation()
        self.began_at = workflow.now()
        self.policy: Policy | None = None
        self.phase = Phase.TRIAGE
        self.seen = Seen()
        self.cause, self.why_cause = "", ""
        """What the runbook's row of this cause asks of the evidence."""
        self.ruled_out: tuple[str, ...] = ()
        """Causes that matched as well, each with what contradicts it."""
        self.remedy = ""
        self.also_seen: tuple[str, ...] = ()
        self.performed: list[Performed] = []
        self.handed_to: list[str] = []
        """The incidents that were asked to heal what this one needs."""
        self.watched: VerificationResult | None = None
        self.unwell_at: datetime | None = None
        """When a verification last ended with the service not healthy."""
        self.acknowledged_by, self.escalated_because = "", ""
        self.done: Spoken | None = None
        self.cancelled: Spoken | None = None
        self._done_before: tuple[datetime | None, Spoken | None] = (None, None)
        self.wait: Wait | None = None
        self.paused: Paused | None = None
        self.refused_services: list[str] = []
        """Those whose stewards refused because of a window of theirs."""
        self.retry: Spoken | None = None
        """A person wants an escalated incident to be looked at again."""
        self.answered: Spoken | None = None
        """The `done` of the person who was asked to do something."""
        self.refused: Refusal | None = None
        """Why the steward refused what was to be done last."""
        self.outcome: Outcome | None = None
        self.ended_at: datetime | None = None
        self.remarks: list[str] = []
        self.report: Report | None = None
        """What people are to read, where nothing is changed."""
        self.review_path = ""
        self.unapproved: list[Planned] = []
        """What a dry run asked a person about, who did not approve it."""
        self.without: Outcome | None = None
        """How a dry run ended, where nothing was done."""
        self.same = ""
        """What shows that a person did what a dry run would have done."""

    @property
    def only_recorded(self) -> bool:
        """Whether what should have helped was recorded, and not done."""
        return any(one.dry_run for one in self.performed)

    def outcome_of(self, ended: Outcome) -> Outcome:
        """The word for an incident that ended like this: of a dry run, that it was one."""
        handed_on = self.handed_to if self.policy and self.policy.dry_run else []
        if not (self.only_recorded or self.unapproved or handed_on):
            return ended
        self.without = ended
        return Outcome.DRY_RUN

    def not_approved(self, plans: Sequence[Plan], answer: Answer, by: str = "") -> None:
        """Keep what a dry run did not get an approval of."""
        policy, now = self.policy, workflow.now()
        self.unapproved += [
            Planned(says=one.says, service=one.service.name, digest=one.digest, answer=answer, by=by, at=now)
            for one in plans
            if policy and policy.only_records(one.service)
        ]

    def done_from_now_on(self) -> Callable[[], bool]:
        """Whether a person says `done` from now on; what was said before counts for nothing any more.
        A cancellation ends every wait, of then and later."""
        done_said = self.done_while_reverting()
        return lambda: done_said() or self.cancelled is not None

    def done_while_reverting(self) -> Callable[[], bool]:
        """The same for a revert, which a cancellation wants, and does not end."""
        resumed_at, done_then = self._done_before
        said_before = done_then if workflow.now() == resumed_at else self.done
        return lambda: self.done is not said_before

    def stop_if_cancelled(self) -> None:
        """Raises `Cancelled`: nothing more is begun."""
        if cancellation := self.cancellation:
            raise cancellation

    @property
    def cancellation(self) -> Cancelled | None:
        """The ending of an incident that was cancelled."""
        return Cancelled(f"cancelled by {who(self.cancelled)}") if self.cancelled else None

    def resumed(self, done: Spoken | None) -> None:
        """This run begins now, and messages to it may have come before its first line."""
        self._done_before = (workflow.now(), done)

    @property
    def first_word_at(self) -> datetime | None:
        """When a person first did or said something; a new run is handed it."""
        return self.timeline.first_word_at

    @first_word_at.setter
    def first_word_at(self, at: datetime | None) -> None:
        self.timeline.first_word_at = at

    @property
    def recovered_at(self) -> datetime:
        """When the service was well again; the end of the incident where nobody watched it."""
        proved = self.watched.first_healthy_at if self.watched and self.watched.ok else None
        return proved or self.ended_at or workflow.now()

    @property
    def evidence(self) -> tuple[EvidenceLine, ...]:
        """What was found, in the order in which it was looked at."""
        return tuple(
            EvidenceLine(
                name=name,
                finding=seen.finding,
                reason=seen.reason,
                at=seen.observed_at,
                applies=seen.applies,
            )
            for name, seen in self.seen.by_name.items()
        )

    def summary(self) -> str:
        """The incident in one sentence."""
        took = in_words(self.recovered_at - self.fires_since)
        cause = f", cause {self.cause}" if self.cause else ""
        handed = (f"handed to {incident}" for incident in self.handed_to)
        changed = (tried(one) for one in self.performed if not one.dry_run)
        did = "; ".join((*handed, *changed)) or "nothing was changed"
        would = "; ".join(one.plan.says for one in self.performed if one.dry_run)
        did += f"; a dry run, which would: {would}" if would else ""
        return (
            f"{self.alert.name} on {self.alert.service}: {self.outcome or 'open'} after {took}{cause}; {did}."
        )

    def state(self, awaiting: PendingApproval | None, rung: str, next_rung: NextRung | None) -> IncidentState:
        """The answer to the query `state`."""
        return IncidentState(
            id=workflow.info().workflow_id,
            alert=self.alert,
            runbook=workflow.info().workflow_type,
            severity=self.policy.severity if self.policy else Severity.WARNING,
            phase=self.phase,
            summary=self.summary(),
            cause=self.cause,
            also_seen=self.also_seen,
            evidence=self.evidence,
            awaiting=awaiting,
            waits_for=self.wait.why if self.wait else "",
            waits_until=self.wait.until if self.wait else None,
            refused=self.refused,
            paused=self.paused.why if self.paused else "",
            paused_until=self.paused.until if self.paused else None,
            acknowledged_by=self.acknowledged_by,
            rung=rung,
            next_rung=next_rung,
            outcome=self.outcome,
            performed=tuple(self.performed),
            proposals=self.proposals,
            probes=self.watched.probes if self.watched else Probes(),
            timeline=tuple(self.timeline.entries),
            review=self.review_path,
            dry_run=self.policy.dry_run if self.policy else "",
        )

    def review(self, policy: Policy, outcome: Outcome, log: LogsSeen) -> Review:
        """Everything that is known, in the shape of the post-incident review."""
        return Review(
            incident=workflow.info().workflow_id,
            run_id=began_in(),
            runbook=policy.runbook,
            hurts=self.hurts,
            alert=self.alert,
            severity=policy.severity,
            outcome=outcome,
            summary=self.summary(),
            cause=self.cause,
            why_cause=self.why_cause,
            not_if=self.not_if,
            pointing=self.pointing,
            known_at=self.known_at,
            also_seen=self.also_seen,
            ruled_out=self.ruled_out,
            evidence=self.evidence,
            performed=tuple(self.performed),
            handed_to=tuple(self.handed_to),
            did_not_help=self._did_not_help(),
            remarks=(*self.remarks, *self._remarks()),
            timeline=tuple(self.timeline.entries),
            phases=self.timeline.phases,
            began_at=self.alert.starts_at,
            detected_after=self.began_at - self.fires_since,
            responded_after=self.first_word_at - self.fires_since if self.first_word_at else None,
            acted_after=self._acted_at - self.fires_since if self._acted_at else None,
            resolved_after=self.recovered_at - self.fires_since,
            respond_within=policy.respond_within,
            links=policy.links,
            log_tail=log.tail,
            last_error=log.last_error,
            probes=self.watched.probes if self.watched else Probes(),
            report=self.report,
            dry_run=self._dry_run(policy, outcome),
            short=policy.severity is not Severity.CRITICAL,
        )

    @property
    def _acted_at(self) -> datetime | None:
        return next((one.started_at for one in self.performed if not one.dry_run), None)

    def _did_not_help(self) -> tuple[str, ...]:
        escalated, proved = bool(self.escalated_because), bool(self.watched and self.watched.ok)
        proposed = [one for one in self.performed[-1:] if one.plan.proposed_by]
        retried = self.timeline.retried_at
        anew = [one for one in self.performed if retried and one.started_at >= retried]
        helped = [one for one in (*proposed, *anew) if one.done and proved]
        did = (one for one in self.performed if not one.dry_run and one not in helped)
        return tuple(f"{one.plan.says}: {one.found}" for one in did if escalated or not one.done)

    def _dry_run(self, policy: Policy, outcome: Outcome) -> DryRun | None:
        """What would have been done; None where this was no dry run."""
        recorded = [one for one in self.performed if one.dry_run]
        if not (policy.dry_run or recorded or self.unapproved):
            return None
        planned = (Planned.of(one.plan, answer_of(one), one.approved_by, one.started_at) for one in recorded)
        service = recorded[0].plan.service.name if recorded else self.alert.service
        return DryRun(
            why=policy.dry_run or f"services.{service}.dry_run: true",
            planned=(*planned, *self.unapproved),
            ended=self.without or outcome,
            same=self.same,
            by_person=self.first_word_at is not None,
        )

    def _remarks(self) -> tuple[str, ...]:
        remarks = []
        if self.cause == "unknown":
            remarks.append("No known cause matched the evidence: add this cause to the runbook.")
        remarks += [f"What was done by {incident} is in its own review." for incident in self.handed_to]
        if self.escalated_because:
            remarks.append(f"Escalated: {self.escalated_because}.")
        return tuple(remarks)
