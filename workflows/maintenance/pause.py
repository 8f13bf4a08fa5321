"""Whether an incident stands still: in a maintenance window, or while all actions are suspended.

It looks and names its cause, but begins nothing, and while the window is its own, calls nobody. The
control room only says that something has changed: what is on, the incident reads itself, so that a
signal that is forged changes nothing and one that is lost is made up for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.incidents.stewardship import StewardshipActivities
    from models.base import roughly
    from models.incident.incident import Phase
    from models.incident.maintenance import Paused
    from models.incident.stewardship import ControlRoomState
    from workflows.escalation.escalation import Escalation
    from workflows.record.failures import in_short
    from workflows.record.mistakes import Mistakes, raise_temporals_own
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline
    from workflows.record.timers import wait

READING = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=5)
LOOKS_AGAIN_AFTER, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=15)
"""A signal may be lost: it is looked again, each time half as often."""
SHORTEST = timedelta(seconds=1)
DISAGREED = timedelta(seconds=10)
"""After a steward refused for what is over by now."""
REASON = "maintenance"
"""By which the ladder stands still."""


class Pause:
    """Knows of one incident whether it is paused, and notices the end."""

    def __init__(
        self, record: Record, timeline: Timeline, mistakes: Mistakes, show: Callable[[Phase], None]
    ) -> None:
        self._record = record
        self._timeline = timeline
        self._mistakes = mistakes
        self._show = show
        self._escalation: Escalation | None = None
        self._changed = False
        self._watching: asyncio.Task[None] | None = None
        self._waiting = 0
        record.continuation.waits_for(lambda: self._changed)
        record.continuation.stops(self.stop)

    @property
    def on(self) -> bool:
        """Whether nothing may be begun."""
        return self._record.paused is not None

    @property
    def quiet(self) -> bool:
        """Whether nobody is called either."""
        return self._record.paused is not None and self._record.paused.quiet

    def begin(self, escalation: Escalation) -> None:
        """Let this ladder stand still while it is quiet."""
        self._escalation = escalation
        if self.quiet:
            escalation.stand_still(REASON)
        if self.on:
            self._watch()

    def look(self) -> None:
        """The control room has changed, or so somebody says."""
        self._changed = True
        self._watch()

    def take(self, room: ControlRoomState) -> None:
        """Stand still, or go on, as the control room says."""
        before, paused = self._record.paused, self._by(room)
        if before and paused and before.quiet == paused.quiet:
            paused = paused.model_copy(update={"since": before.since})
            if paused != before:
                self._timeline.add(f"paused: {paused.why}")
        elif before:
            self._goes_on(before)
        self._record.paused = paused
        if paused and not (before and before.since == paused.since):
            self._timeline.add(f"paused: {paused.why}")
            if paused.quiet and self._escalation:
                self._escalation.stand_still(REASON)

    def judged(self) -> None:
        """What is left after a pause was looked at: people are called again, with the time that was left."""
        if self._escalation and not self.quiet:
            self._escalation.go_on(REASON)

    async def over(self, stop: Callable[[], bool]) -> None:
        """Wait for the end, with nothing under way; everything is looked at again afterwards."""
        continuation = self._record.continuation
        self._waiting += 1
        self._show(Phase.PAUSED)
        while self.on and not stop():
            await workflow.wait_condition(lambda: not self.on or stop() or continuation.due)
            if self.on and not stop():
                continuation.stop_if_due()
        self._waiting -= 1

    async def off(self) -> None:
        """Wait for the end."""
        await workflow.wait_condition(lambda: not self.on)

    async def refused(self, service: str) -> None:
        """A steward refused for what pauses this service: read what it is."""
        if service not in self._record.refused_services:
            self._record.refused_services.append(service)
        await self._read()
        if self.on:
            self._watch()
        else:
            await workflow.sleep(DISAGREED, summary="what paused it is over")

    def stop(self) -> None:
        """This run looks no more."""
        if self._watching:
            self._watching.cancel()

    def _watch(self) -> None:
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._until_over())

    async def _until_over(self) -> None:
        again = LOOKS_AGAIN_AFTER
        while self.on or self._changed:
            if not self._changed:
                await wait(lambda: self._changed, self._left(again), "is the maintenance over?")
                again = min(2 * again, LONGEST_PAUSE)
            self._changed = False
            try:
                await self._read()
            except Exception as error:
                self._mistakes.note("looking at the control room", error)

    def _left(self, at_most: timedelta) -> timedelta:
        until = self._record.paused.until if self._record.paused else None
        return at_most if until is None else min(at_most, max(until - workflow.now(), SHORTEST))

    async def _read(self) -> None:
        """What is on now; as it was when that cannot be read."""
        try:
            room: ControlRoomState = await workflow.execute_local_activity_method(
                StewardshipActivities.read_control_room,
                start_to_close_timeout=timedelta(seconds=6),
                retry_policy=READING,
                summary="kill switch and maintenance",
            )
        except FailureError as error:
            raise_temporals_own(error)
            workflow.logger.warning("the control room could not be read: %s", in_short(error))
        else:
            self.take(room)

    def _by(self, room: ControlRoomState) -> Paused | None:
        alert, now = self._record.alert, workflow.now()
        if paused := room.pauses(alert.name, alert.service, now):
            return paused
        others = (room.pauses(alert.name, one, now) for one in self._record.refused_services)
        paused = next((one for one in others if one), None)
        return paused.model_copy(update={"quiet": False}) if paused else None

    def _goes_on(self, before: Paused) -> None:
        """Deadlines have as much time left as they had; a ladder waits until it is looked again."""
        stood = workflow.now() - before.since
        self._record.paused = None
        self._timeline.add(f"goes on after {roughly(stood)}: no longer {before.why}")
        self._record.remarks.append(f"It stood still for {roughly(stood)}: {before.why}.")
        waits = self._record.wait
        if before.quiet and waits and waits.is_deadline and waits.until:
            frozen = workflow.now() - max(before.since, waits.began_at)
            self._record.wait = waits.model_copy(update={"until": waits.until + frozen})
        if not self._waiting:
            self.judged()
