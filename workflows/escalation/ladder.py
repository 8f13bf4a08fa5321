"""The escalation ladder: pages one rung after another, timed from the alert's `startsAt`.

It never cancels the work and never waits for it. An acknowledgement stops it until something fails;
an acknowledged incident that goes quiet is asked about again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.incident.policy import Ladder, Rung
    from models.incident.so_far import LadderSoFar
    from workflows.record.timers import wait

LATE = timedelta(seconds=30)
"""A rung that fires later than this after its time says so."""

TOP_PAUSE = timedelta(minutes=5)

HEAD_START = timedelta(minutes=1)
"""Whoever was paged has so long before a failure pages the next."""

ASKED_OFTEN = timedelta(days=1)
"""After this the top is asked once in as long a time: an incident may stay open for months."""


class Climb:
    """The position of one incident on its ladder. `page` sends one rung and does not wait.

    The deadline is for the recovery, not for its proof: a rung that falls due while a fixed service
    is well and its stability window runs waits for the end of the proof, for one window at most.
    """

    def __init__(
        self,
        ladder: Ladder,
        starts_at: datetime,
        page: Callable[[Rung, str], None],
        proved: Callable[[], Awaitable[bool]],
    ) -> None:
        self.acknowledged_by = ""
        self.position = ""
        self.late: list[str] = []
        """A sentence for each rung that was reached late, as after an outage."""
        self._ladder = ladder
        self._starts_at = starts_at
        self._clock = starts_at
        """From where the rungs are counted: later than the start once a rung was late."""
        self._page = page
        self._proved = proved
        self._place = 0
        """How many rungs were climbed."""
        self._paged_at: datetime | None = None
        self._pushed = ""
        self._not_before = self._silent_until
        self.last_word_at = starts_at
        self._quiet_until = starts_at
        """An acknowledgement that went quiet puts the next rung off until then."""
        self._at_top_since: datetime | None = None
        self._stands_for: set[str] = set()
        self._stands_since: datetime | None = None

    @property
    def _silent_until(self) -> datetime:
        """Nobody is paged before, whatever fails."""
        return self._clock + self._ladder.quiet_for

    def take_over(self, before: Climb) -> None:
        """Begin anew, in place of this one, and stand still for the same reasons."""
        self.late = before.late
        for why in sorted(before._stands_for):
            self.stand_still(why)

    def stand_still(self, why: str) -> None:
        """Climb no further, and let the clock of the rungs stand, until `go_on` for the same reason.

        What fails meanwhile is told then. Of several reasons, the last one to end counts.
        """
        self._stands_since = self._stands_since or workflow.now()
        self._stands_for.add(why)

    def go_on(self, why: str) -> None:
        """Climb on where it stood: every rung has as much time left as it had."""
        self._stands_for.discard(why)
        if self._stands_for or self._stands_since is None:
            return
        stood, self._stands_since = workflow.now() - self._stands_since, None
        self._clock += stood
        self._not_before += stood
        self._quiet_until += stood
        self.last_word_at += stood
        if self._at_top_since:
            self._at_top_since += stood

    @property
    def stands_still(self) -> bool:
        return self._stands_since is not None

    @property
    def _time(self) -> datetime:
        """Now, by the clock of the rungs."""
        return self._stands_since or workflow.now()

    def so_far(self, told: Iterable[str], *, climbing: bool, stopped: bool) -> LadderSoFar:
        return LadderSoFar(
            climbing=climbing,
            stopped=stopped,
            told=tuple(sorted(told)),
            starts_at=self._starts_at,
            clock=self._clock,
            place=self._place,
            paged_at=self._paged_at,
            not_before=self._not_before,
            quiet_until=self._quiet_until,
            at_top_since=self._at_top_since,
            position=self.position,
            acknowledged_by=self.acknowledged_by,
            last_word_at=self.last_word_at,
            pushed=self._pushed,
            late=tuple(self.late),
            stands_for=tuple(sorted(self._stands_for)),
            stands_since=self._stands_since,
        )

    def resume(self, so_far: LadderSoFar) -> None:
        """Stand where the run before this one stood."""
        self._starts_at, self._clock, self._place = so_far.starts_at, so_far.clock, so_far.place
        self._paged_at, self._not_before = so_far.paged_at, so_far.not_before
        self._quiet_until, self._at_top_since = so_far.quiet_until, so_far.at_top_since
        self.position, self.acknowledged_by = so_far.position, so_far.acknowledged_by
        self.last_word_at, self._pushed, self.late = so_far.last_word_at, so_far.pushed, list(so_far.late)
        self._stands_for, self._stands_since = set(so_far.stands_for), so_far.stands_since

    def acknowledge(self, by: str) -> None:
        """Stop the ladder where it is."""
        self.acknowledged_by = by
        self.heard()

    def heard(self) -> None:
        """A person sent a message: the incident is not quiet."""
        self.last_word_at = self._time

    def push(self, why: str) -> None:
        """Climb one rung now, whatever the clock says; not while somebody has acknowledged."""
        self._pushed, self._not_before = why, max(self._time, self._silent_until)

    def failed(self, why: str) -> None:
        """Climb one rung: what somebody acknowledged was better than this. Whoever was paged just now
        has a moment first."""
        self.acknowledged_by = ""
        self._pushed, self._not_before = why, max(self._time, self._silent_until)
        if self._paged_at:
            self._not_before = max(self._not_before, self._paged_at + HEAD_START)

    def passed(self, rung: Rung) -> bool:
        """Whether a higher rung was climbed already; somebody beside the ladder never was."""
        roles = [one.role for one in self._ladder.rungs]
        if rung.role not in roles or self.position not in roles:
            return False
        return roles.index(rung.role) < roles.index(self.position)

    async def run(self) -> None:
        """Climb until the top, and ask there again; cancelled when the incident closes.

        Called again after a mistake, it goes on with the next rung.
        """
        rungs = self._ladder.rungs
        while self._place < len(rungs):
            why = await self._until(rungs[self._place])
            self._place, self._quiet_until = self._place + 1, self._starts_at
            self._reach(rungs[self._place - 1], why)
            self._keep_distance(self._place - 1)
        while rungs:
            await self._stay_at(rungs[-1])

    def _reach(self, rung: Rung, why: str) -> None:
        """Page a rung; whatever pushed meanwhile is told with it."""
        self._pushed = ""
        self.position, self._paged_at = rung.role, workflow.now()
        self._page(rung, why)

    async def _stay_at(self, top: Rung) -> None:
        """There is nobody above: who stands at the top is told what is new, and asked again."""
        again = self._ladder.ask_again_after
        if workflow.now() - self._starts_at > ASKED_OFTEN:
            again = max(again, ASKED_OFTEN)
        self._at_top_since = self._at_top_since or self._time
        while True:
            await self._while_it_stands()
            left = self._at_top_since + again - workflow.now()
            if self.acknowledged_by or self._pushed or left <= timedelta():
                break
            await wait(
                lambda: bool(self.acknowledged_by or self._pushed),
                left,
                "until the top of the ladder is asked again",
            )
        self._at_top_since = None
        if self.acknowledged_by:
            await self._quiet()
        elif self._pushed:
            self._reach(top, self._pushed)
            await workflow.sleep(TOP_PAUSE, summary="until the top of the ladder is told again")
        else:
            self._reach(top, f"nobody has acknowledged it for {in_words(again)}")

    async def _until(self, rung: Rung) -> str:
        """Wait until a rung is due or pushed; through every acknowledgement. Returns the reason."""
        while True:
            await self._while_it_stands()
            if self.acknowledged_by:
                await self._quiet()
                self._quiet_until = self._time + self._ladder.ask_again_after
            due = max(self._clock + rung.after, self._quiet_until)
            pushed, now = self._pushed, workflow.now()
            if pushed and now >= self._not_before:
                return pushed
            if now >= due:
                if await self._proved() or self.acknowledged_by or self.stands_still:
                    continue
                return self._deadline_words(rung.role, due)
            at = min(due, self._not_before) if pushed else due
            await wait(
                lambda: self._pushed != pushed or bool(self.acknowledged_by),  # noqa: B023
                at - now,
                f"escalation at {at:%H:%M:%S} UTC",
            )

    async def _while_it_stands(self) -> None:
        if self.stands_still:
            await workflow.wait_condition(lambda: not self.stands_still)

    def _keep_distance(self, place: int) -> None:
        """A rung that was so late that the next would follow too soon moves all that follow."""
        this, *following = self._ladder.rungs[place:]
        late = workflow.now() - (self._clock + this.after)
        if following and late > (following[0].after - this.after) / 2:
            self._clock += late

    def _deadline_words(self, role: str, due: datetime) -> str:
        since = f"{in_words(workflow.now() - self._starts_at)} after the alert began"
        late = workflow.now() - due
        if late <= LATE:
            return since
        self.late.append(f"{role} was due at {due:%H:%M:%S} UTC, and was paged {in_words(late)} late.")
        return f"{since}, {in_words(late)} late"

    async def _quiet(self) -> None:
        """Wait until an acknowledged incident has been quiet too long, then ask about it again.

        A failure ends the acknowledgement, and is told at once.
        """
        by = self.acknowledged_by
        while self.acknowledged_by and (left := self._quiet_at - workflow.now()) > timedelta():
            await wait(lambda: not self.acknowledged_by, left, f"quiet since {by} acknowledged")
            await self._while_it_stands()
        if not self.acknowledged_by:
            return
        self.acknowledged_by = self._pushed = ""
        self.heard()
        reached = next((r for r in self._ladder.rungs if r.role == self.position), None)
        if reached:
            quiet = in_words(self._ladder.ask_again_after)
            self._reach(reached, f"acknowledged by {by}, then quiet for {quiet}: still being worked on?")

    @property
    def _quiet_at(self) -> datetime:
        return self.last_word_at + self._ladder.ask_again_after
