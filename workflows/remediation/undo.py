"""What was done only for now is reverted, whatever becomes of the incident."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from models.incident.so_far import PromiseSoFar
    from workflows.diagnosis.causes import Revert, Undo
    from workflows.diagnosis.situation import Situation
    from workflows.diagnosis.undos import UNDOS
    from workflows.record.cut_short import unless
    from workflows.record.endings import Ending
    from workflows.record.failures import in_short
    from workflows.record.mistakes import Mistakes, raise_temporals_own
    from workflows.record.timeline import Timeline

AGAIN_AFTER = timedelta(minutes=10)


class Undoing:
    """Keeps the promises to undo: each waits durably until its time has come, then acts."""

    def __init__(
        self,
        timeline: Timeline,
        mistakes: Mistakes,
        revert: Callable[[Revert], Awaitable[None]],
        failed: Callable[[str], None],
        resolved: Callable[[], bool],
        may_act: Callable[[], Awaitable[None]],
        cancelled: Callable[[], bool],
    ) -> None:
        self._timeline = timeline
        self._mistakes = mistakes
        self._revert = revert
        self._failed = failed
        self._resolved = resolved
        self._may_act = may_act
        self._cancelled = cancelled
        self._promises: dict[Undo, asyncio.Task[None]] = {}
        self._since: dict[Undo, datetime] = {}
        self._failing: set[Undo] = set()
        self._due: set[Undo] = set()
        self._given_up: dict[Undo, Callable[[], bool]] = {}
        """Of those that failed, whether a person said `done` since."""
        self._incident_ends = False
        self.acting = 0
        """How much is being reverted now."""

    @property
    def promised(self) -> bool:
        """Whether anything must be reverted."""
        return bool(self._promises)

    @property
    def kept(self) -> bool:
        """Whether everything that was promised is reverted."""
        return all(promise.done() for promise in self._promises.values())

    def promise(self, undo: Undo, now: Situation, done_said: Callable[[], bool]) -> None:
        """Undo it when all is well again, when the limit that a person set is reached, when the incident
        is cancelled, or when a person says `done`, which alone gives up what cannot be reverted."""
        if undo not in self._promises or self._promises[undo].done():
            self._since[undo] = workflow.now()
            self._failing.discard(undo)
            self._due.discard(undo)
            self._given_up.pop(undo, None)
            self._promises[undo] = asyncio.create_task(self._keep(undo, now, done_said))

    def so_far(self) -> tuple[PromiseSoFar, ...]:
        """The promises that are not kept yet."""
        return tuple(
            PromiseSoFar(
                undo=undo.name,
                since=self._since[undo],
                failed=undo in self._failing,
                due=undo in self._due,
                last=undo in self._given_up and self._given_up[undo](),
            )
            for undo in self._since
        )

    def resume(self, promises: Sequence[PromiseSoFar], now: Situation, done_said: Callable[[], bool]) -> None:
        """Keep what an earlier run promised."""
        for one in promises:
            undo = UNDOS.get(one.undo)
            if undo is None:
                self._failed(f"this version knows no {one.undo!r}")
                continue
            self._since[undo] = one.since
            if one.failed:
                self._failing.add(undo)
            if one.due:
                self._due.add(undo)
            gives_up = (lambda: True) if one.last else done_said
            keeping = (
                self._try_again(undo, gives_up, once_more=one.last)
                if one.failed
                else self._keep(undo, now, done_said)
            )
            self._promises[undo] = asyncio.create_task(keeping)

    def stop(self) -> None:
        """This run reverts nothing more; the next one does."""
        for promise in self._promises.values():
            promise.cancel()

    async def finish(self, unless: Callable[[], bool]) -> bool:
        """Wait until every promise is kept; False when `unless` became true first, and they stand.

        A person's `done` reverts everything at once, and the end what is only for the incident.
        """
        self._incident_ends = True
        await workflow.wait_condition(lambda: self.kept or unless())
        if not self.kept:
            self._incident_ends = False
            return False
        await asyncio.gather(*self._promises.values())
        return True

    async def _keep(self, undo: Undo, now: Situation, done_said: Callable[[], bool]) -> None:
        with_alert = undo.with_alert(now)
        try:
            if undo not in self._due:
                watched = await unless(
                    lambda: (
                        done_said()
                        or self._cancelled()
                        or (with_alert and self._resolved())
                        or (undo.with_the_incident and self._incident_ends)
                    ),
                    undo.when.over(now, self._since[undo]),
                )
                self._due.add(undo)
                if watched:
                    self._timeline.add(f"the temporary change is reverted: {watched.reason}")
            await self._act(undo)
        except Exception as error:
            self._failing.add(undo)
            self._failed(self._told(error))
            await self._try_again(undo, done_said)

    async def _act(self, undo: Undo) -> None:
        await self._may_act()
        self.acting += 1
        try:
            await self._revert(undo.fix)
        finally:
            self.acting -= 1
        del self._since[undo]

    async def _try_again(self, undo: Undo, done_said: Callable[[], bool], *, once_more: bool = False) -> None:
        """A kill switch, a block or an outage ends: nothing stays degraded because of one bad moment.

        `once_more` where the last try was under way in an earlier run.
        """
        self._given_up[undo] = done_said
        while once_more or not done_said():
            if not once_more:
                await self._pauses(done_said)
            once_more = False
            try:
                await self._act(undo)
            except Exception as error:
                self._timeline.add(f"still not reverted: {self._told(error)}")
            else:
                self._timeline.add("the temporary change is reverted")
                return
        del self._since[undo]

    async def _pauses(self, done_said: Callable[[], bool]) -> None:
        before = self._cancelled()
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: done_said() or self._cancelled() is not before,
                timeout=AGAIN_AFTER,
                timeout_summary="tries again to revert the temporary change",
            )

    def _told(self, error: Exception) -> str:
        """Whatever went wrong, the promise stands."""
        if isinstance(error, (Ending, FailureError)):
            raise_temporals_own(error)
            return in_short(error)
        return self._mistakes.note("reverting what was temporary", error)
