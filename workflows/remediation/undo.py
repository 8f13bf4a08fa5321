"""What was done only for now is reverted, whatever becomes of the incident."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from workflows.diagnosis.causes import Fix, Undo
    from workflows.diagnosis.situation import Situation
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
        revert: Callable[[Fix], Awaitable[None]],
        failed: Callable[[str], None],
    ) -> None:
        self._timeline = timeline
        self._mistakes = mistakes
        self._revert = revert
        self._failed = failed
        self._promises: dict[Undo, asyncio.Task[None]] = {}

    @property
    def promised(self) -> bool:
        """Whether anything must be reverted."""
        return bool(self._promises)

    @property
    def _kept(self) -> bool:
        return all(promise.done() for promise in self._promises.values())

    def promise(self, undo: Undo, now: Situation, done_said: Callable[[], bool]) -> None:
        """Undo it when all is well again, when the limit that a person set is reached,
        or when a person says `done`."""
        if undo not in self._promises or self._promises[undo].done():
            self._promises[undo] = asyncio.create_task(self._keep(undo, now, done_said))

    async def finish(self, unless: Callable[[], bool]) -> bool:
        """Wait until every promise is kept; False when `unless` became true first, and they stand.

        A person's `done` reverts everything at once.
        """
        await workflow.wait_condition(lambda: self._kept or unless())
        if not self._kept:
            return False
        await asyncio.gather(*self._promises.values())
        return True

    async def _keep(self, undo: Undo, now: Situation, done_said: Callable[[], bool]) -> None:
        try:
            watched = await unless(done_said, undo.when.over(now))
            if watched:
                self._timeline.add(f"the temporary change is reverted: {watched.reason}")
            await self._revert(undo.fix)
        except Exception as error:
            self._failed(self._told(error))
            await self._try_again(undo, done_said)

    async def _try_again(self, undo: Undo, done_said: Callable[[], bool]) -> None:
        """A kill switch, a block or an outage ends: nothing stays degraded because of one bad moment."""
        while not done_said():
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(
                    done_said,
                    timeout=AGAIN_AFTER,
                    timeout_summary="tries again to revert the temporary change",
                )
            try:
                await self._revert(undo.fix)
            except Exception as error:
                self._timeline.add(f"still not reverted: {self._told(error)}")
            else:
                self._timeline.add("the temporary change is reverted")
                return

    def _told(self, error: Exception) -> str:
        """Whatever went wrong, the promise stands."""
        if isinstance(error, (Ending, FailureError)):
            raise_temporals_own(error)
            return in_short(error)
        return self._mistakes.note("reverting what was temporary", error)
