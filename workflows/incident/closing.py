"""The end of an incident: the service let go, the source heard, people told, the review written."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    import workflows.incident.ui as ui
    from activities.managers.process_seen import ProcessSeen
    from activities.review.reviews import ReviewActivities
    from models.catalogue.line import open_of
    from models.incident.incident import Outcome, Phase
    from models.incident.policy import Policy
    from models.incident.report import Report, WriteReport
    from models.incident.review import Review, StoredReview
    from workflows.diagnosis.situation import Situation
    from workflows.escalation.escalation import Escalation
    from workflows.escalation.wording import ended
    from workflows.incident.alert_source import AlertSource
    from workflows.record.alert_state import AlertState
    from workflows.record.continuation import began_in
    from workflows.record.endings import (
        Cancelled,
        ClosedByHuman,
        Ending,
        Escalated,
        ResolvedElsewhere,
        SelfRecovered,
    )
    from workflows.record.failures import in_short
    from workflows.record.mistakes import raise_temporals_own
    from workflows.record.record import Record
    from workflows.remediation.dry_run import done_by_a_person
    from workflows.remediation.remediation import Remediation
    from workflows.remediation.undo import Undoing

LONGEST_SUMMARY = 200
"""Characters of an activity's summary."""
WRITING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))

LOOKS_AGAIN_AFTER, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=30)
"""Between two looks at a process that is down while its alert is over."""


class Closing:
    """Closes one incident, whichever way its page was left."""

    def __init__(
        self,
        record: Record,
        alert_state: AlertState,
        escalation: Escalation,
        remediation: Remediation,
        undoing: Undoing,
        show: Callable[[Phase], None],
    ) -> None:
        self._record = record
        self._alert_state = alert_state
        self._escalation = escalation
        self._remediation = remediation
        self._undoing = undoing
        self._source = AlertSource(record, alert_state)
        self._show = show

    async def wait_for_a_human(self, done_said: Callable[[], bool]) -> Ending | None:
        """Stay open, with the ladder climbing, until the alert is over or a person says done.
        None when a person wants it to be looked at again, or proposes what is to be done.

        The source's word that came before we saw ourselves that it is not well ends nothing.
        """
        continuation = self._record.continuation
        over, pause = ResolvedElsewhere("the alert is over"), LOOKS_AGAIN_AFTER
        while True:
            await workflow.wait_condition(
                lambda: (
                    self._is_over()
                    or done_said()
                    or bool(self._record.retry)
                    or bool(open_of(self._record.proposals))
                    or continuation.due
                )
            )
            if done_said():
                return ClosedByHuman("a person said that it is done")
            if open_of(self._record.proposals):
                return None
            if self._record.retry:
                self._record.retry = None
                return None
            continuation.stop_if_due()
            if not self._is_over():
                continue
            if not await self.still_down(over):
                return over
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: done_said() or bool(self._record.retry),
                    timeout=pause,
                    timeout_summary="does it run again?",
                )
            pause = min(2 * pause, LONGEST_PAUSE)

    async def still_down(self, ending: Ending | None) -> str:
        """Why this ending must not be: the service's own process is down, although something else answers.

        Empty when it runs, when that cannot be seen, and where a person closes the incident. An alert
        that is over elsewhere is asked about it only if the process was seen down before.
        """
        record, policy = self._record, self._record.policy
        elsewhere = isinstance(ending, ResolvedElsewhere) and not _is_down(record.seen[looks.process])
        if elsewhere or isinstance(ending, ClosedByHuman | Escalated) or not policy or not policy.service:
            return ""
        seen = await looks.process.take(Situation(record.seen, policy, policy.service))
        if not _is_down(seen):
            return ""
        record.seen = record.seen.having([(looks.process, seen)])
        name = policy.service.name
        return f"the process of {name} itself is down, although something else answers: {seen.reason}"

    def _is_over(self) -> bool:
        resolved_at, unwell_at = self._alert_state.resolved_at, self._record.unwell_at
        return resolved_at is not None and (unwell_at is None or resolved_at > unwell_at)

    async def close(self, ending: Ending | None) -> Review | None:
        """Let go of the services, hear the alert's source, tell everybody, write the review.

        None when the alert fires anew while something is done only for now: then it is not over.
        """
        ended = self._ended(ending)
        self._record.ended_at = workflow.now()
        if isinstance(ending, ClosedByHuman):
            self._alert_state.fired_again = False  # the person who said done knew of it
        return await self.close_as(self._record.outcome_of(ended))

    async def close_as(self, outcome: Outcome) -> Review | None:
        """The same with the outcome that is known already, perhaps from an earlier run."""
        record, policy = self._record, self._record.policy
        assert policy is not None, "an incident takes its policy before it can close"  # noqa: S101
        record.outcome = outcome
        self._alert_state.closing = True
        self._escalation.stop()
        recovered = Outcome.RESOLVED in (outcome, record.without)
        hears_source = recovered and bool(self._source.address) and not self._source.resolved
        if recovered and (hears_source or self._undoing.promised or self._escalation.telling):
            self._show(Phase.RESOLVED)  # it may last: what passes at once is not worth an event
        if self._undoing.promised:
            await self._remediation.release()
            if not await self._reverted():
                return None
        releasing = asyncio.create_task(self._remediation.release_at_hand())
        if hears_source:
            await self._hear_the_source(policy)
        if record.only_recorded:
            ui.show_dry_run(policy.dry_run or "a service of its plans")
            record.same = await done_by_a_person(record, policy)
        if self._escalation.telling:
            await self._escalation.all_told()
        self._show(Phase.CLOSED)
        review, *_ = await asyncio.gather(
            self._write_review(policy, outcome),
            self._escalation.tell_the_end(ended(record)),
            releasing,
        )
        return review

    async def _reverted(self) -> bool:
        """Whether everything temporary is reverted; False when the alert fires anew before."""
        state, continuation = self._alert_state, self._record.continuation

        def fires_anew() -> bool:
            return state.fires_anew and not self._record.cancelled

        while not await self._undoing.finish(unless=lambda: fires_anew() or continuation.due):
            if fires_anew():
                return False
            continuation.stop_if_due()
        return True

    def _ended(self, ending: Ending | None) -> Outcome:
        if ending is None:
            return Outcome.RESOLVED
        if isinstance(ending, SelfRecovered):
            helped = self._record.performed and not self._record.only_recorded
            return Outcome.RESOLVED if helped else Outcome.SELF_RECOVERED
        if isinstance(ending, Cancelled):
            return Outcome.CANCELLED
        if isinstance(ending, ClosedByHuman):
            return Outcome.CLOSED_BY_HUMAN
        return Outcome.RESOLVED_ELSEWHERE

    async def _hear_the_source(self, policy: Policy) -> None:
        """The alert's source must agree within its own decay time, or the review says it did not."""
        seen = await self._source.says_within(policy.thresholds.source_agrees_within)
        if not seen.ok:
            self._record.remarks.append(f"The alert's source does not agree that it is over: {seen.reason}.")

    async def _write_review(self, policy: Policy, outcome: Outcome) -> Review:
        """Write the review; the run's result is the same review, so that a full disk loses nothing."""
        self._record.remarks += self._escalation.late
        log = self._record.seen[looks.recent_logs]
        review = self._record.review(policy, outcome, log=log)
        review = review.model_copy(update={"instances": self._alert_state.life.instances})
        try:
            stored: StoredReview = await workflow.execute_activity_method(
                ReviewActivities.write_review,
                review,
                start_to_close_timeout=timedelta(seconds=30),
                schedule_to_close_timeout=timedelta(hours=1),
                retry_policy=WRITING,
                summary="post-incident review",
            )
            self._record.review_path = stored.path
        except FailureError as error:
            self._record.timeline.add(f"the review could not be written: {in_short(error)}")
        return review


async def keep_report(record: Record, report: Report) -> str:
    """Where a report is kept before there is a review; empty when it could not be written soon."""
    request = WriteReport(
        incident=workflow.info().workflow_id,
        run_id=began_in(),
        began_at=record.alert.starts_at,
        report=report,
    )
    try:
        stored: StoredReview = await workflow.execute_activity_method(
            ReviewActivities.write_report,
            request,
            start_to_close_timeout=timedelta(seconds=30),
            schedule_to_close_timeout=timedelta(minutes=5),
            retry_policy=WRITING,
            summary=f"report: {report.title}"[:LONGEST_SUMMARY],
        )
    except FailureError as error:
        raise_temporals_own(error)
        record.timeline.add(f"the report could not be written: {in_short(error)}")
        return ""
    record.review_path = stored.path
    return stored.path


def _is_down(process: ProcessSeen) -> bool:
    return process.exited or process.restarting
