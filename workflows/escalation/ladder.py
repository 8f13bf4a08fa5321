"""The escalation ladder: pages one rung after another, timed from the alert's `startsAt`.

It never cancels the work and never waits for it; only the first rung waits a moment for what may be
repaired by itself. An acknowledgement stops it until something fails; an acknowledged incident that goes
quiet is asked about again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.incident.announcement import NextRung
    from models.incident.policy import Ladder, Rung
    from workflows.escalation.position import Position
    from workflows.record.timers import wait

LATE = timedelta(seconds=30)
"""A rung that fires later than this after its time says so."""

TOP_PAUSE = timedelta(minutes=5)

HEAD_START = timedelta(minutes=1)
"""Whoever was paged has so long before a failure pages the next."""

ASKED_OFTEN = timedelta(days=1)
"""After this the top is asked once in as long a time: an incident may stay open for months."""


class Climb(Position):
    """Climbs the ladder of one incident. `page` sends one rung and does not wait.

    The deadline is for the recovery, not for its proof: a rung that falls due while a fixed service
    is well and its stability window runs waits for the end of the proof, for one window at most, and
    for nothing once something failed.
    """

    def __init__(
        self,
        ladder: Ladder,
        starts_at: datetime,
        page: Callable[[Rung, str], None],
        proved: Callable[[], Awaitable[bool]],
    ) -> None:
        super().__init__(ladder, starts_at)
        self._page = page
        self._proved = proved
        self._rests_at_top = False

    def give_time(self, respond_within: timedelta) -> None:
        """Hold the first rung back for what may be repaired by itself, and not beyond the deadline."""
        until = min(workflow.now() + self._ladder.page_after, self._clock + respond_within)
        if self._place == 0 and until > workflow.now():
            self._quiet_until = max(self._quiet_until, until)

    def end_grace(self) -> None:
        """It needs a person: the first rung waits for no repair."""
        if self._place == 0:
            self._quiet_until = self._starts_at

    def tell_first(self) -> Rung | None:
        """The first rung, where nobody was paged yet who is due: what the caller tells it is its page."""
        if self._place or self.acknowledged_by or self.silent or self.stands_still or not self._ladder.rungs:
            return None
        first = self._ladder.rungs[0]
        self._deadline_words(first.role, self._due(first))
        self._climbed(first)
        return first

    @property
    def has_failed(self) -> bool:
        """Whether something failed that nobody was paged for yet."""
        return bool(self._pushed)

    @property
    def paged_just_now(self) -> bool:
        return self._paged_at is not None and workflow.now() < self._paged_at + HEAD_START

    @property
    def pages_now(self) -> bool:
        """Whether what was pushed is paged at once."""
        waits = self.stands_still or self._rests_at_top or workflow.now() < self._not_before
        return bool(self._pushed and self._ladder.rungs) and not waits

    def take_over(self, before: Climb) -> None:
        """Begin anew, in place of this one, and stand still for the same reasons."""
        self.late = before.late
        for why in sorted(before._stands_for):
            self.stand_still(why)

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

    @property
    def next_rung(self) -> NextRung | None:
        """Whom it pages next, as it stands; None while its clock stands."""
        rungs, at_top = self._ladder.rungs, self._place >= len(self._ladder.rungs)
        if self._clock_stands or not rungs:
            return None
        rung = rungs[-1] if at_top else rungs[self._place]
        due = self._top_asked_at if at_top else self._due(rung)
        if self.acknowledged_by:
            rung = next((one for one in rungs if one.role == self.position), rung)
            due = self._quiet_at if self.position else max(due, self._quiet_at)
        elif self._pushed:
            due = min(due, self._not_before)
        again = at_top or rung.role == self.position
        return NextRung(role=rung.role, at=due, person=rung.person, again=again)

    async def run(self) -> None:
        """Climb until the top, and ask there again; cancelled when the incident closes.

        Called again after a mistake, it goes on with the next rung.
        """
        rungs = self._ladder.rungs
        while (place := self._place) < len(rungs):
            why = await self._until(place)
            if self._place == place:
                self._climbed(rungs[place])
                self._page(rungs[place], why)
        while rungs:
            await self._stay_at(rungs[-1])

    def _climbed(self, rung: Rung) -> None:
        self._place, self._quiet_until = self._place + 1, self._starts_at
        self._reached(rung)
        self._keep_distance(self._place - 1)

    def _reach(self, rung: Rung, why: str) -> None:
        """Page a rung again."""
        self._reached(rung)
        self._page(rung, why)

    def _reached(self, rung: Rung) -> None:
        """Whatever pushed meanwhile is told with this page."""
        self._pushed = ""
        self.position, self._paged_at = rung.role, workflow.now()

    async def _stay_at(self, top: Rung) -> None:
        """There is nobody above: who stands at the top is told what is new, and asked again."""
        again = self._asks_again_after
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
            await self._rest_at_top()
        else:
            self._reach(top, f"nobody has acknowledged it for {in_words(again)}")

    @property
    def _asks_again_after(self) -> timedelta:
        again = self._ladder.ask_again_after
        return max(again, ASKED_OFTEN) if workflow.now() - self._starts_at > ASKED_OFTEN else again

    @property
    def _top_asked_at(self) -> datetime:
        return (self._at_top_since or self._time) + self._asks_again_after

    async def _rest_at_top(self) -> None:
        self._rests_at_top = True
        try:
            await workflow.sleep(TOP_PAUSE, summary="until the top of the ladder is told again")
        finally:
            self._rests_at_top = False

    async def _until(self, place: int) -> str:
        """Wait until a rung is due or pushed; through every acknowledgement. Returns the reason.

        The first one may be told beside the ladder meanwhile: then it is climbed.
        """
        rung = self._ladder.rungs[place]
        while self._place == place:
            await self._while_it_stands()
            if self.acknowledged_by:
                await self._quiet()
                if self.position:
                    self._quiet_until = self._time + self._ladder.ask_again_after
            due, pushed, now = self._due(rung), self._pushed, workflow.now()
            if pushed and now >= self._not_before:
                return pushed
            if now >= due and not self._clock_stands:
                if not pushed and (await self._proved() or self.acknowledged_by or self.stands_still):
                    continue
                return self._deadline_words(rung.role, due)
            at = min(due, self._not_before) if pushed else due
            at = self._not_before if self._clock_stands else at
            await wait(
                lambda: (
                    self._pushed != pushed  # noqa: B023
                    or bool(self.acknowledged_by)
                    or self._place != place
                    or self._due(rung) < due  # noqa: B023
                ),
                at - now,
                f"escalation at {at:%H:%M:%S} UTC",
            )
        return ""

    def _due(self, rung: Rung) -> datetime:
        return max(self._clock + rung.after, self._quiet_until)

    async def _while_it_stands(self) -> None:
        """What fails in a planned wait is told all the same."""
        if self._no_rung_is_due:
            await workflow.wait_condition(lambda: not self._no_rung_is_due)

    @property
    def _no_rung_is_due(self) -> bool:
        told_now = bool(self._pushed) and not self.acknowledged_by and not self.stands_still
        return self._clock_stands and not told_now

    def _keep_distance(self, place: int) -> None:
        """A rung that was so late that the next would follow too soon moves all that follow."""
        this, *following = self._ladder.rungs[place:]
        late = self._time - (self._clock + this.after)
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
