"""What a press of a button begins: it goes on after Slack has its answer, and who pressed is told the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

FINISHED_WITHIN = 4.0
"""Seconds for those that go on when the process ends."""
TOLD_WITHIN = 2.0
"""Seconds after that, to tell who is cut off."""
CUT = (
    "The intake is restarting, and nobody knows yet whether this counted: "
    "look at the incident before you press again."
)


class Presses:
    """Those that go on. They belong to no connection: the next request may come on it meanwhile."""

    def __init__(self) -> None:
        self._going: set[asyncio.Task[None]] = set()
        self._ends = asyncio.Event()

    def begin(self, said: Coroutine[Any, Any, str], tell: Callable[[str], Awaitable[None]]) -> None:
        """Do this, and tell what comes of it."""
        going = asyncio.create_task(self._follow(said, tell))
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    async def settle(self, within: float) -> None:
        """Wait for those that go on; at most so many seconds."""
        if self._going:
            await asyncio.wait(self._going, timeout=within)

    async def finish(self, within: float = FINISHED_WITHIN) -> None:
        """The process ends: wait for so many seconds, and tell who is cut off."""
        await self.settle(within)
        self._ends.set()
        await self.settle(TOLD_WITHIN)

    async def _follow(self, said: Coroutine[Any, Any, str], tell: Callable[[str], Awaitable[None]]) -> None:
        doing, cut = asyncio.create_task(said), asyncio.create_task(self._ends.wait())
        done, others = await asyncio.wait({doing, cut}, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        await tell(doing.result() if doing in done else CUT)
