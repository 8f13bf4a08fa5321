"""Pages people: the ladder, the announcer, and the wording, for one incident."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.incident.announcement import NextRung, Occasion
    from models.incident.policy import Policy, Rung
    from models.incident.so_far import LadderSoFar
    from workflows.escalation.announcer import Words
    from workflows.escalation.ladder import Climb
    from workflows.escalation.position import PLANNED
    from workflows.escalation.slow_looks import SlowLooks
    from workflows.escalation.telling import Telling
    from workflows.record.mistakes import Mistakes
    from workflows.record.timeline import Timeline

AFTER_A_MISTAKE = timedelta(seconds=10)


class Escalation(Telling):
    """Pages people while the work goes on. `situation` writes the text of a page when it is sent."""

    def __init__(
        self,
        policy: Policy,
        starts_at: datetime,
        timeline: Timeline,
        mistakes: Mistakes,
        situation: Callable[[str], str],
        proved: Callable[[], Awaitable[bool]],
        asked: Callable[[], tuple[str, ...]],
    ) -> None:
        super().__init__(policy, timeline, mistakes, situation, asked)
        self._proved = proved
        self._climb = Climb(policy.ladder, starts_at, self._page, self._well)
        self._climbing: asyncio.Task[None] | None = None
        self._slow_looks = SlowLooks(self.begin, self._begun, lambda: self._announcer.answered)
        self._stopped = False

    def so_far(self) -> LadderSoFar:
        climbing = self._climbing is not None
        so_far = self._climb.so_far(self._told, climbing=climbing, stopped=self._stopped)
        paged, unreached = tuple(self._announcer.paged), self._reaching.so_far()
        beside = {"unreached": unreached, "paged": paged, **self._announcer.editing.so_far()}
        return so_far.model_copy(update=beside)

    def resume(self, so_far: LadderSoFar) -> None:
        """Climb on from where the run before this one stood; nobody is told twice."""
        self._climb.resume(so_far)
        self._slow_looks.resume()
        self._told, self._stopped = set(so_far.told), so_far.stopped
        self._announcer.paged = list(so_far.paged)
        self._announcer.editing.resume(so_far.posted, so_far.untold)
        if so_far.climbing:
            self.begin()
        self._reaching.resume(so_far.unreached, self._call, self._wanted())

    def take_over(self, before: Escalation) -> None:
        """Climb anew, in place of this one: who was paged by it hears the end, too."""
        before.stop_following()
        self._announcer.take_over(before._announcer)
        self._climb.late = before._climb.late

    @property
    def rung(self) -> str:
        """The role that was reached last; empty before the first."""
        return self._climb.position

    @property
    def next_rung(self) -> NextRung | None:
        """Whom the ladder pages next; None while it does not climb."""
        return self._climb.next_rung if self._climbing and not self._stopped else None

    @property
    def has_failed(self) -> bool:
        """Whether something failed that nobody was paged for yet."""
        return self._climb.has_failed

    @property
    def _reached(self) -> Rung | None:
        """The rung that was reached last, or the first one."""
        rungs = self._policy.ladder.rungs
        return self._paged_last or (rungs[0] if rungs else None)

    @property
    def _paged_last(self) -> Rung | None:
        return next((one for one in self._policy.ladder.rungs if one.role == self.rung), None)

    def begin(self) -> None:
        """A person is due: the ladder climbs from now on, by the alert's own clock."""
        if not self._begun():
            self._climbing = asyncio.create_task(self._climb_on(self._climb))

    def begin_with_grace(self) -> None:
        """The alert is confirmed: the same, but what may be repaired by itself has a moment for that."""
        if not self._begun() and not self._policy.dry_run:
            self._climb.give_time(self._policy.respond_within)
        self.begin()

    def _begun(self) -> bool:
        return self._climbing is not None or self._stopped

    @property
    def while_looking(self) -> Callable[[], AbstractContextManager[None]]:
        """The looks within are watched: nobody waits for a slow one to be told."""
        return self._slow_looks.watched

    def rise(self, policy: Policy, why: str) -> None:
        """Climb the ladder of a higher severity from its first rung, now.

        An acknowledgement was one of the lower severity.
        """
        before = self._climb
        self._policy = policy
        self._climb = Climb(policy.ladder, workflow.now(), self._page, self._well)
        self._climb.take_over(before)
        if self._climbing and not self._stopped:
            self._climbing.cancel()
            self._climb.push(why)
            self._climbing = asyncio.create_task(self._climb_on(self._climb))
        if not self._pages_now:
            self.notice(f"{self._incident} is {policy.severity} now", self._words(why))

    def push(self, why: str) -> None:
        """It failed: climb one rung, also where somebody acknowledged before. Where nobody is paged at once,
        the broadcast channels hear of it. Once the ladder is stopped, page the rung that was reached."""
        self.begin()
        self._climb.failed(why)
        if self._stopped and self._reached:
            self._page(self._reached, why)
        elif not self._pages_now:
            self.notice(f"{self._incident} needs a person", self._words(why))

    @property
    def _pages_now(self) -> bool:
        """Whether what failed is paged at once: its page tells the broadcast channels, too."""
        return self._climbing is not None and not self._stopped and self._climb.pages_now

    def leave_to(self, person: str, why: str) -> None:
        """It needs a person, and this one has it: nobody else is paged unless it goes quiet. Where nobody
        was paged yet, the first rung is, once: this person may know of another incident alone."""
        self.begin()
        first = self._climb.tell_first()
        self._climb.acknowledge(person)
        if first:
            self._page(first, why)
        else:
            self.notice(f"{self._incident} is with {person}", self._words(why))

    async def _climb_on(self, climb: Climb) -> None:
        """A mistake of ours on the way up silences nobody: the climb goes on."""
        while True:
            try:
                return await climb.run()
            except Exception as error:
                self._mistakes.note("climbing the ladder", error)
            await workflow.sleep(AFTER_A_MISTAKE, summary="the ladder goes on")

    def stand_still(self, why: str) -> None:
        """Page nobody, and let the clock of the rungs stand, until `go_on` for the same reason."""
        self._climb.stand_still(why)

    def go_on(self, why: str) -> None:
        """Climb on where it stood, with what failed meanwhile."""
        self._climb.go_on(why)

    def wait_as_planned(self) -> None:
        """The clock of the rungs stands until `wait_is_over`; what fails meanwhile is told."""
        self._climb.stand_still(PLANNED)

    def wait_is_over(self) -> None:
        """Every rung has as much time left as it had when the planned wait began."""
        self._climb.go_on(PLANNED)

    def acknowledge(self, by: str) -> None:
        """A person works on it: stop the ladder."""
        self._pages_wanted += 1
        self._climb.acknowledge(by)

    def heard(self) -> None:
        """A person sent a message: the incident is not quiet."""
        self._climb.heard()

    def page_specialist(self, topic: str, cause: str) -> None:
        """Page whom the configuration names for this finding at once, beside the ladder."""
        rung = self._policy.ladder.specialists.get(topic)
        if rung and self._first_time(topic):
            self._page_beside(rung, f"at once, for the cause is {cause}")

    def request(self, topic: str, why: str) -> None:
        """Page this topic's specialist to do something; without one the rung that was reached."""
        self.begin()
        specialist = self._policy.ladder.specialists.get(topic)
        rung = specialist or self._climb.tell_first() or self._reached
        self._climb.end_grace()
        if rung:
            self._page_beside(rung, why)

    def request_again(self, topic: str, why: str) -> None:
        """Nobody said a word since: the ladder climbs by itself, and nobody else asks the specialist."""
        rung = self._policy.ladder.specialists.get(topic)
        if rung and not self._climb.acknowledged_by:
            self._page_beside(rung, why)

    def _page_beside(self, rung: Rung, why: str) -> None:
        """Page somebody beside the ladder; what is only for information is sent, and pages nobody."""
        if self._climb.silent:
            self._send(rung, Occasion.NOTICE, self._incident, self._words(why))
        else:
            self._page(rung, why)

    @property
    def quiet_since(self) -> datetime:
        """When a person last sent a message."""
        return self._climb.last_word_at

    def ask(self) -> None:
        """Ask the rung that was reached to approve one plan, or to choose among several.

        Where nobody was paged yet, the question is the page of the first rung.
        """
        title, why = f"approval needed: {self._incident}", "A decision is needed."
        if self._climb.silent:
            self.notice(title, self._words(why))
        elif rung := self._climb.tell_first() or self._reached:
            words = Words(title, self._words(why))
            self._page_in_words(rung, "it needs a decision", Occasion.APPROVAL, words)

    def nobody_answered(self) -> None:
        """Page the next rung: the question was not answered. Who was paged just now has a moment first."""
        self.begin()
        if not self._climb.paged_just_now:
            self._climb.push("nobody answered the question")

    def report(self, title: str, text: str) -> None:
        """Send whose alert it is what is to be read; where nobody was paged who is due, as the page."""
        if first := self._climb.tell_first():
            self._page_in_words(first, "there is a report to read", Occasion.PAGE, Words(title, text))
        else:
            self.tell_owner(title, text)

    def repaired(self, what: str, stable_for: timedelta) -> None:
        """A fix was done, and is watched: who was paged and the broadcast channels hear it once.

        Whether it helped is not known yet. The key is of before the title said so: runs know it by that.
        """
        if self._first_time(f"{self._incident} is repaired, watching: {what}"):
            title = f"{self._incident}: fix done, watching whether it helps"
            nobody = "; nobody was paged" if self._nobody_was_paged else ""
            why = f"Done: {what}. It must stay well for {in_words(stable_for)}{nobody}."
            self._tell_who_was_paged(self._paged_last, title, self._words(why))

    def stop(self) -> None:
        """The incident is over: page nobody any more."""
        self._stopped = True
        self._pages_wanted += 1
        self.pause()

    def rest(self) -> None:
        """The service is well: page nobody until something fails."""
        self._pages_wanted += 1
        self.pause()
        self._climbing = None

    def pause(self) -> None:
        """Climb no further in this run."""
        if self._climbing:
            self._climbing.cancel()

    @property
    def late(self) -> Sequence[str]:
        """Missed deadlines, for the review."""
        return self._climb.late

    async def tell_the_end(self, summary: str) -> None:
        """Tell everybody who was told that it is over, each channel once; wait until all messages are out."""
        message = self._to(self._paged_last, Occasion.RESOLVED, f"closed: {self._incident}", summary)
        await self._all_edited()
        message = message.and_to(one.channel for one in self._announcer.paged)
        message = message.and_to(self._announcer.editing.channels)
        if not self._climb.stands_still or self.rung:  # who heard nothing need not hear that it is over
            self._reaching.send(message)
        elif self._announcer.editing.channels:  # a message that is there must not look open for ever
            await self._announcer.edit(self._policy)
        await self._reaching.finish()

    async def _well(self) -> bool:
        try:
            return await self._proved()
        except Exception as error:
            self._mistakes.note("looking whether it is well", error)
            return False
