"""Pages people: the ladder, the announcer, and the wording, for one incident."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.announcement import Occasion
    from models.incident.policy import Policy, Rung
    from models.incident.so_far import LadderSoFar, Unreached
    from workflows.escalation.announcer import Announcer, Message, Words
    from workflows.escalation.ladder import Climb
    from workflows.escalation.reaching import Reaching
    from workflows.escalation.slow_looks import SlowLooks
    from workflows.record.mistakes import Mistakes
    from workflows.record.timeline import Timeline

AFTER_A_MISTAKE = timedelta(seconds=10)


class Escalation:
    """Pages people while the work goes on. `situation` writes the text of a page when it is sent."""

    def __init__(
        self,
        policy: Policy,
        starts_at: datetime,
        timeline: Timeline,
        mistakes: Mistakes,
        situation: Callable[[str], str],
        proved: Callable[[], Awaitable[bool]],
    ) -> None:
        self._policy = policy
        self._timeline = timeline
        self._mistakes = mistakes
        self._situation = situation
        self._proved = proved
        self._incident = workflow.info().workflow_id
        self._announcer = Announcer(timeline, mistakes)
        self._reaching = Reaching(self._announcer, timeline, lambda: self._climb.stands_still)
        self._climb = Climb(policy.ladder, starts_at, self._page, self._well)
        self._climbing: asyncio.Task[None] | None = None
        self._slow_looks = SlowLooks(self.begin, self._begun, lambda: len(self._announcer.paged))
        self._stopped = False
        self._pages_wanted = 0
        """Counts up when pages that did not arrive yet are not worth another try."""
        self._told: set[str] = set()

    def so_far(self) -> LadderSoFar:
        climbing = self._climbing is not None
        so_far = self._climb.so_far(self._told, climbing=climbing, stopped=self._stopped)
        paged = tuple(self._announcer.paged)
        return so_far.model_copy(update={"unreached": self._reaching.so_far(), "paged": paged})

    def resume(self, so_far: LadderSoFar) -> None:
        """Climb on from where the run before this one stood; nobody is told twice."""
        self._climb.resume(so_far)
        self._slow_looks.resume()
        self._told, self._stopped = set(so_far.told), so_far.stopped
        self._announcer.paged = list(so_far.paged)
        if so_far.climbing:
            self.begin()
        self._reaching.resume(so_far.unreached, self._call, self._wanted())

    @property
    def rung(self) -> str:
        """The role that was reached last; empty before the first."""
        return self._climb.position

    @property
    def _reached(self) -> Rung | None:
        """The rung that was reached last, or the first one."""
        rungs = self._policy.ladder.rungs
        return next((r for r in rungs if r.role == self.rung), rungs[0] if rungs else None)

    def begin(self) -> None:
        """The alert is confirmed: the ladder climbs from now on, by the alert's own clock."""
        if not self._begun():
            self._climbing = asyncio.create_task(self._climb_on(self._climb))

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
        self.notice(f"{self._incident} is {policy.severity} now", self._words(why))
        if self._climbing and not self._stopped:
            self._climbing.cancel()
            self._climb.push(why)
            self._climbing = asyncio.create_task(self._climb_on(self._climb))

    def push(self, why: str) -> None:
        """It failed: let everybody know, and climb one rung, also where somebody acknowledged before. Once
        the ladder is stopped, page the rung that was reached."""
        self.begin()
        self._climb.failed(why)
        self.notice(f"{self._incident} needs a person", self._words(why))
        if self._stopped and self._reached:
            self._page(self._reached, why)

    def leave_to(self, person: str, why: str) -> None:
        """It needs a person, and this one has it: nobody is paged unless it goes quiet."""
        self.begin()
        self._climb.acknowledge(person)
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
            self._page(rung, f"at once, for the cause is {cause}")

    def request(self, topic: str, why: str) -> None:
        """Page this topic's specialist to do something; without one the rung that was reached."""
        self.begin()
        if rung := self._policy.ladder.specialists.get(topic) or self._reached:
            self._page(rung, why)

    def request_again(self, topic: str, why: str) -> None:
        """Nobody said a word since: the ladder climbs by itself, and nobody else asks the specialist."""
        rung = self._policy.ladder.specialists.get(topic)
        if rung and not self._climb.acknowledged_by:
            self._page(rung, why)

    @property
    def quiet_since(self) -> datetime:
        """When a person last sent a message."""
        return self._climb.last_word_at

    def ask(self) -> None:
        """Ask the rung that was reached to approve one plan, or to choose among several."""
        if self._reached:
            title = f"approval needed: {self._incident}"
            self._send(self._reached, Occasion.APPROVAL, title, self._words("A decision is needed."))

    def nobody_answered(self) -> None:
        """Page the next rung: the question was not answered."""
        self.begin()
        self._climb.push("nobody answered the question")

    def report(self, title: str, text: str) -> None:
        """Send the first rung, whose alert it is, what is to be read; nobody is paged."""
        owner = next(iter(self._policy.ladder.rungs), None)
        self._send(owner, Occasion.NOTICE, title, text)

    def notice(self, title: str, text: str) -> None:
        """Tell the broadcast channels; nobody is paged."""
        self._send(None, Occasion.NOTICE, title, text)

    def notice_once(self, title: str, text: str) -> None:
        """The same, for what is waited for again and again."""
        if self._first_time(title):
            self.notice(title, text)

    def _first_time(self, told: str) -> bool:
        first = told not in self._told and not self._climb.stands_still
        self._told |= {told} if first else set()
        return first

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

    @property
    def telling(self) -> bool:
        """Whether an announcement is still under way."""
        return self._reaching.busy

    async def all_told(self) -> None:
        """Wait for the announcements under way: whom they reached stands in the review."""
        await self._reaching.finish()

    async def tell_the_end(self, summary: str) -> None:
        """Tell those who were told that it is over, and wait until all announcements are out."""
        reached = next((r for r in self._policy.ladder.rungs if r.role == self.rung), None)
        self._send(reached, Occasion.RESOLVED, f"closed: {self._incident}", summary)
        await self._reaching.finish()

    def _send(self, rung: Rung | None, occasion: Occasion, title: str, text: str) -> None:
        if self._climb.stands_still and (occasion is not Occasion.RESOLVED or not self.rung):
            return  # who heard nothing of it need not hear that it is over
        self._reaching.send(Message.to(self._policy, rung, occasion, lambda: Words(title, text)))

    def _page(self, rung: Rung, why: str) -> None:
        if self._climb.stands_still:
            return
        self._timeline.add(f"pages {rung.role}: {why}")
        one = Unreached(role=rung.role, why=why, since=workflow.now())
        self._reaching.page(one, self._call, self._wanted(), lambda: self._not_reached(rung))

    def _call(self, one: Unreached) -> Message | None:
        """The page of one role, which says what is so when it is sent."""
        ladder = self._policy.ladder
        rungs = (*ladder.rungs, *ladder.specialists.values())
        rung = next((rung for rung in rungs if rung.role == one.role), None)
        if rung is None:
            return None
        title = f"{self._policy.severity}: {self._incident}"
        return Message.to(self._policy, rung, Occasion.PAGE, lambda: Words(title, self._words(one.why)))

    def _wanted(self) -> Callable[[], bool]:
        """Whether the pages of now are still wanted later."""
        now = self._pages_wanted
        return lambda: self._pages_wanted == now

    def _words(self, why: str) -> str:
        """Whoever is told hears why, even if nothing else can be written."""
        try:
            return self._situation(why)
        except Exception as error:
            return f"{why}\n{self._mistakes.note('writing what is known', error)}"

    async def _well(self) -> bool:
        try:
            return await self._proved()
        except Exception as error:
            self._mistakes.note("looking whether it is well", error)
            return False

    def _not_reached(self, rung: Rung) -> None:
        """The next rung is paged, unless a higher one was already; at the top it is tried again anyhow."""
        top = self._policy.ladder.rungs[-1].role if self._policy.ladder.rungs else ""
        if not self._climb.passed(rung) and not self.rung == rung.role == top:
            self._climb.push(f"{rung.role} could not be reached")
