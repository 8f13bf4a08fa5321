"""The waits of a page: time passes, and the incident holds nothing meanwhile unless its plan needs it.

Each is as long as it has to be, a minute or a day: its end is a moment that a new run is handed, so that
neither a killed worker nor a long history makes it longer. The end of the alert and a person's `done`
leave the page.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.evidence.evidence import Evidence, VerificationResult
    from models.incident.review import Doing
    from models.incident.so_far import Wait
    from models.zone import midnight_after
    from workflows.diagnosis.look import Look
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.verifications import Verification
    from workflows.incident.parts import Parts
    from workflows.record.continuation import GoesOnInNewRun
    from workflows.record.endings import Escalated, SelfRecovered, Withdrawn

USUAL_RETRY, LONGEST_RETRY = timedelta(hours=1), timedelta(hours=2)

LONG = timedelta(minutes=10)
"""From this long on the broadcast channels are told that it is waited for."""

LONGEST_SUMMARY = 200
"""Characters of a timer's summary: the server takes no long ones."""


def bounded(retry_after: timedelta | None) -> timedelta:
    """How long to leave alone what says `Retry-After`: as it says, else an hour; at most two.

    A negative one says nothing.
    """
    if retry_after is None or retry_after < timedelta():
        return USUAL_RETRY
    return min(retry_after, LONGEST_RETRY)


@dataclass(frozen=True)
class Watched:
    """How it ended, what was looked at now and then: the last situation, and whether it was well."""

    now: Situation
    well: bool


class Waits(Parts):
    """The verbs that wait."""

    async def wait(self, how_long: timedelta, why: str, *, held: bool = False) -> None:
        """Let time pass. With `held` the service stays reserved: the plan needs it."""
        await self.wait_until(workflow.now() + how_long, why, held=held)

    async def wait_until_midnight(self, why: str) -> None:
        """Until the next day begins in the configured time zone, as for a daily budget."""
        await self.wait_until(midnight_after(workflow.now(), self.policy.time_zone), why)

    async def wait_until(self, at: datetime, why: str, *, held: bool = False, planned: bool = True) -> None:
        """Let time pass until this moment. One that is not `planned` holds back no page."""
        if self.path.passed("wait"):
            return
        wait = Wait(why=why, began_at=workflow.now(), until=at)
        async with self._waiting(wait, held=held, planned=planned) as cut_short:
            await self._pass(cut_short)
        self.path.did("wait")

    async def until_person(self, what: str, contact: str) -> None:
        """Ask a person to do something, and go on when they say `done`.

        `contact` is the topic whose specialist is paged, at once and again whenever nobody says a word
        for long; without a specialist it is the rung that was reached. Escalated when nobody did it
        within the configured bound.
        """
        if self.path.passed("ask a person"):
            return
        if not self.record.wait:
            await self.remediation.stand_still()
        name, within = workflow.info().workflow_id, self.policy.thresholds.person_within
        why = f"please {what}; then say so: starter.py done {name}, or the signal `done`"
        now = workflow.now()
        if not self.record.wait:
            self.record.answered = None
            self.escalation.request(contact, why)
        until = now + within
        asked = Wait(why=f"a person: {what}", began_at=now, until=until, asked_at=now, is_deadline=True)
        async with self._waiting(asked, planned=False) as cut_short:
            await self._ask_again(contact, why, cut_short)
        if self.record.answered is None:
            raise Escalated(f"nobody did it within {in_words(within)}: {what}")
        self.path.did("ask a person")

    async def until_acknowledged(self, why: str) -> None:
        """Until somebody knows of it: an acknowledgement that stands, or the next one."""
        if self.path.passed("wait for an acknowledgement"):
            return
        self.escalation.begin()
        reported = Wait(why=f"an acknowledgement: {why}", began_at=workflow.now())
        async with self._waiting(reported, planned=False) as cut_short:
            await self._pass(lambda: cut_short() or bool(self.record.acknowledged_by))
        self.path.did("wait for an acknowledgement")

    async def until_reverted(self, why: str) -> None:
        """Until what is done only for now is reverted, as it was promised. It may take a person weeks: the
        ladder climbs, and asks again."""
        if self.path.passed("wait until it is reverted"):
            return
        self.escalation.begin()
        async with self._waiting(Wait(why=why, began_at=workflow.now()), planned=False) as cut_short:
            await self._pass(lambda: cut_short() or self.undoing.kept)
        self.path.did("wait until it is reverted")

    async def until(
        self,
        look: Look[Evidence] | tuple[Look[Evidence], ...],
        is_well: Callable[[Situation], bool],
        every: timedelta,
        at_most: timedelta,
        why: str,
    ) -> Watched:
        """Look at once, then now and then by a timer, until it is well or the time is up.

        Of several looks, each knows what the ones before it found.
        """
        looks = (look,) if isinstance(look, Look) else look
        verb = f"watch {', '.join(one.name for one in looks)}"
        if passed := self.path.passed(verb):
            return Watched(self.now, passed.well)
        now, well = workflow.now(), False
        wait = Wait(why=why, began_at=now, until=now + at_most, is_deadline=True)
        async with self._waiting(wait) as cut_short:
            while not (well or cut_short()):
                for one in looks:
                    await self._take(one, self.now)
                well = is_well(self.now)
                if well or self._time_is_up:
                    break
                await self._pass(cut_short, workflow.now() + every)
        self.path.did(verb, well=well)
        return Watched(self.now, well)

    async def comes_back(self, soon: Verification, late: Verification | None) -> None:
        """Wait for what comes back by itself: first quietly, then with a person called, who may be asleep.

        Without `late` it is looked at anew after the first wait. Leaves the page when the alert is over,
        or a person says `done`.
        """
        if not self.path.passed("comes back"):
            await self._comes_back(soon, late)
            self.path.did("comes back")

    async def _comes_back(self, soon: Verification, late: Verification | None) -> None:
        self._phase_lasts()
        why = f"{self.service.name} should come back by itself: it is waited for"
        self.timeline.add(why)
        self.timeline.waits(Doing.WATCHING)
        self.escalation.notice_once(f"{workflow.info().workflow_id} waits", self.situation(why))
        waited = await self._waited(soon)
        if not waited.ok and late is not None:
            self.escalation.push(waited.reason)
            if not (waited := await self._waited(late)).ok:
                raise Escalated(waited.reason)
        self.timeline.goes_on()

    async def _waited(self, wait: Verification) -> VerificationResult:
        done_said = self.record.done_from_now_on()
        waited = await self.record.continuation.meanwhile(
            lambda: wait.over(self.now), lambda: self.remediation.resolved() or done_said()
        )
        self.remediation.stop_if_resolved()
        self.remediation.stop_if_done(done_said)
        if waited is None:
            raise Withdrawn("the alert ended, and fires anew")
        self.timeline.add(f"waited: {waited.reason}, {waited.last.reason}")
        return waited

    async def _take(self, look: Look[Evidence], now: Situation) -> None:
        found = await look.take(now)
        self.record.seen = self.record.seen.having([(look, found)])

    @contextlib.asynccontextmanager
    async def _waiting(
        self, wait: Wait, *, held: bool = False, planned: bool = True
    ) -> AsyncIterator[Callable[[], bool]]:
        """Show what is waited for until its end; what an earlier run began to wait for goes on.

        While a long one goes as planned, no rung falls due. Yields whether the wait is cut short, and leaves
        the page then.
        """
        self._phase_lasts()
        done_said = self.record.done_from_now_on()
        if not held:
            await self.remediation.release()
        if not self.record.wait:
            self.record.wait = wait
            self._tell(wait, planned=planned)
        for_a_person = wait.asked_at is not None or wait.until is None
        self.timeline.waits(Doing.NOBODY if for_a_person else Doing.WATCHING)
        dry_run = self.policy.dry_run or self.record.only_recorded  # then a person must repair it meanwhile
        if planned and not dry_run and _is_long(self.record.wait):
            self.escalation.wait_as_planned()
        try:
            yield lambda: self.remediation.resolved() or done_said() or self.remediation.taken_over()
        except GoesOnInNewRun:
            raise
        except Exception:  # not `finally`: a run that is evicted from its worker waits on
            self.wait_is_over()
            raise
        self.wait_is_over()
        self._stop_if_resolved()
        self.remediation.stop_if_done(done_said)
        if self.remediation.taken_over():
            raise Withdrawn("a more severe incident needs the service")

    def wait_is_over(self) -> None:
        """Nothing is waited for, as where a page is left before it comes to the wait that it resumes."""
        self.record.wait = None
        self.timeline.goes_on()
        self.escalation.wait_is_over()
        self._show_details()

    def _stop_if_resolved(self) -> None:
        """What was done before helped, if the alert is over while nothing more happens."""
        if self.remediation.resolved() and any(one.done for one in self.record.performed):
            raise SelfRecovered("the alert was resolved after what was done")
        self.remediation.stop_if_resolved()

    def _tell(self, wait: Wait, *, planned: bool) -> None:
        """The timeline is told; of a long wait that is planned the broadcast channels are, too."""
        if wait.until is None:
            self.timeline.add(f"waits for {wait.why}")
            return
        left = wait.until - wait.began_at
        end = f", until {wait.until:%Y-%m-%d %H:%M} UTC" if left >= LONG else ""
        self.timeline.add(f"waits {in_words(left)}{end}: {wait.why}")
        if end and planned:
            title = f"{workflow.info().workflow_id} waits{end}"
            self.escalation.notice_once(title, self.situation(wait.why))

    async def _pass(self, over: Callable[[], bool], at: datetime | None = None) -> bool:
        """Let time pass until it is over, this moment comes, or the wait ends. Whether it was over.

        A history that has grown long goes on in a new run.
        """
        continuation = self.record.continuation
        while not over():
            wait, still = self.record.wait, self.pause.quiet
            assert wait is not None, "it waits"  # noqa: S101
            ends = None if still and wait.is_deadline else wait.until
            until = min((one for one in (at, ends) if one), default=None)
            try:
                await workflow.wait_condition(
                    lambda: over() or continuation.due or self.pause.quiet is not still,  # noqa: B023
                    timeout=None if until is None else max(until - workflow.now(), timedelta()),
                    timeout_summary=wait.why[:LONGEST_SUMMARY],
                )
            except TimeoutError:
                break
            if not over():
                continuation.stop_if_due()
        return over()

    @property
    def _time_is_up(self) -> bool:
        wait = self.record.wait
        end = wait.until if wait and not (wait.is_deadline and self.pause.quiet) else None
        return end is not None and workflow.now() >= end

    async def _ask_again(self, contact: str, why: str, cut_short: Callable[[], bool]) -> None:
        """Until the person who was asked answers: who hears nothing for long is asked again."""

        def over() -> bool:
            return cut_short() or self.record.answered is not None

        again = self.policy.ladder.ask_again_after
        while self.record.wait and not (over() or self._time_is_up):
            asked_at = self.record.wait.asked_at or self.record.wait.began_at
            if await self._pass(over, max(asked_at, self.escalation.quiet_since) + again):
                return
            now = workflow.now()
            if not self._time_is_up and now >= self.escalation.quiet_since + again:
                self.escalation.request_again(contact, f"still waiting: {why}")
                self.record.wait = self.record.wait.model_copy(update={"asked_at": now})


def _is_long(wait: Wait) -> bool:
    return wait.until is None or wait.until - wait.began_at >= LONG
