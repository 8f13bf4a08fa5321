"""What was done only for now is taken back, whatever becomes of the incident."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from workflows.diagnosis import Fix, Undo
    from workflows.endings import Ending
    from workflows.failures import in_short
    from workflows.record import Record
    from workflows.situation import Situation
    from workflows.timeline import Timeline


class Undoing:
    """Keeps the promises to undo: each waits durably until its time has come, then acts."""

    def __init__(
        self,
        record: Record,
        timeline: Timeline,
        take_back: Callable[[Fix], Awaitable[None]],
        failed: Callable[[str], None],
    ) -> None:
        self._record = record
        self._timeline = timeline
        self._take_back = take_back
        self._failed = failed
        self._promises: list[asyncio.Task[None]] = []

    @property
    def promised(self) -> bool:
        """Whether anything must be taken back."""
        return bool(self._promises)

    def promise(self, undo: Undo, now: Situation) -> None:
        """Undo it when its watch is over: all is well again, or the limit that a person set is reached."""
        self._promises.append(asyncio.create_task(self._keep(undo, now)))

    async def finish(self) -> None:
        """Wait until every promise is kept. A person's `done` takes everything back at once."""
        await asyncio.gather(*self._promises)

    async def _keep(self, undo: Undo, now: Situation) -> None:
        watching = asyncio.create_task(undo.when.over(now))
        hurry = asyncio.create_task(workflow.wait_condition(lambda: self._record.done is not None))
        await workflow.wait([watching, hurry], return_when=asyncio.FIRST_COMPLETED)
        hurried = not watching.done()
        for other in (hurry, watching):
            other.cancel()
        await asyncio.gather(hurry, watching, return_exceptions=True)
        try:
            if not hurried:
                self._timeline.add(f"what was done for now is taken back: {watching.result().reason}")
            await self._take_back(undo.fix)
        except (Ending, FailureError) as error:
            self._failed(in_short(error))
