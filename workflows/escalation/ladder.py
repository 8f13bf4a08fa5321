"""The escalation ladder: it climbs beside the work, from the alert's `startsAt`.

It never cancels the work and never waits for it. An acknowledgement stops it; an acknowledged
incident that goes quiet is asked about again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.incident.policy import Ladder, Rung

LATE = timedelta(seconds=30)
"""A rung that fires later than this after its time says so."""

TOP_PAUSE = timedelta(minutes=5)


class Climb:
    """Where one incident stands on its ladder. `page` sends one rung and does not wait.

    The deadline is for the recovery, not for its proof: a rung that falls due while the service
    is well and its stability window runs waits for the end of the proof, and a relapse ends it.
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
        self._pushed = ""
        self._last_word_at = starts_at

    def acknowledge(self, by: str) -> None:
        """Stop the ladder where it is."""
        self.acknowledged_by = by
        self.heard()

    def heard(self) -> None:
        """Somebody said something: the incident is not quiet."""
        self._last_word_at = workflow.now()

    def push(self, why: str) -> None:
        """Climb one rung now, whatever the clock says; not while somebody has acknowledged."""
        self._pushed = why

    def passed(self, rung: Rung) -> bool:
        """Whether a higher rung was climbed already; somebody beside the ladder never was."""
        roles = [one.role for one in self._ladder.rungs]
        if rung.role not in roles or self.position not in roles:
            return False
        return roles.index(rung.role) < roles.index(self.position)

    async def run(self) -> None:
        """Climb until the top; cancelled when the incident closes."""
        for place, rung in enumerate(self._ladder.rungs):
            why = await self._until(rung)
            self.position = rung.role
            self._page(rung, why)
            self._keep_distance(place)
        while True:
            await workflow.wait_condition(lambda: bool(self.acknowledged_by or self._pushed))
            if self.acknowledged_by:
                await self._quiet()
            else:
                await self._top_again()

    async def _top_again(self) -> None:
        """There is nobody above: who stands at the top is told again, but not without a pause."""
        why, self._pushed = self._pushed, ""
        if self._ladder.rungs:
            self._page(self._ladder.rungs[-1], why)
            await workflow.sleep(TOP_PAUSE, summary="until the top of the ladder is told again")

    async def _until(self, rung: Rung) -> str:
        """Wait until a rung is due or pushed; through every acknowledgement. Returns the reason."""
        due = self._clock + rung.after
        while True:
            if self.acknowledged_by:
                await self._quiet()
                due = max(due, workflow.now() + self._ladder.ask_again_after)
            if self._pushed:
                why, self._pushed = self._pushed, ""
                return why
            wait = due - workflow.now()
            if wait <= timedelta():
                if await self._proved():
                    continue
                return self._deadline_words(rung.role, due)
            try:
                await workflow.wait_condition(
                    lambda: bool(self._pushed or self.acknowledged_by),
                    timeout=wait,
                    timeout_summary=f"escalation at {due:%H:%M:%S} UTC",
                )
            except TimeoutError:
                continue

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
        """Wait until an acknowledged incident has been quiet too long, then ask about it again."""
        by = self.acknowledged_by
        quiet_at = self._last_word_at + self._ladder.ask_again_after
        while (left := quiet_at - workflow.now()) > timedelta():
            await workflow.sleep(left, summary=f"quiet since {by} acknowledged")
            quiet_at = self._last_word_at + self._ladder.ask_again_after
        self.acknowledged_by = ""
        self._pushed = ""
        self.heard()
        reached = next((r for r in self._ladder.rungs if r.role == self.position), None)
        if reached:
            quiet = in_words(self._ladder.ask_again_after)
            self._page(reached, f"acknowledged by {by}, then quiet for {quiet}: still being worked on?")
