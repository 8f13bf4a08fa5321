"""The alerts that wait for Temporal: one call at a time about each incident, with all that wait for it.

A hundred copies of one webhook in parallel become two calls: the one under way, and one more for
everybody who came meanwhile. News about one incident keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from intake.alerts.routing import Routed
from runtime.errors import TemporalAway, Unfit

AT_ONCE = 8
"""Calls under way together; more only makes each of them slower."""
MOST = 20_000
"""The most alerts that wait; further ones are refused with 503."""


class Taken(StrEnum):
    """What became of an alert that was taken."""

    STARTED = "started"
    TOLD = "told"
    NOTHING_OPEN = "nothing open"
    KNOWN = "closed already"
    """It fires, and the incident that knew it closed a short while ago: it opens no other."""
    HEARTBEAT = "heartbeat"
    """The product's own: it is noted, and opens no incident."""


Results = Sequence[Taken | Unfit]
"""For each alert, in order."""
Deliver = Callable[[str, Sequence[Routed]], Awaitable[Results]]


@dataclass
class _Batch:
    alerts: list[Routed] = field(default_factory=list)
    results: asyncio.Future[Results] = field(default_factory=asyncio.Future)


class Waiting:
    """An alert that arrives while a call about the incident is under way goes with the next one, never with
    that one: it may have left before what they tell had happened."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._next: dict[str, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._seats = asyncio.Semaphore(AT_ONCE)
        self._count = 0

    def any(self, incident: str) -> bool:
        """Whether a call about it is under way or waits."""
        return incident in self._next

    async def add(self, incident: str, alerts: Sequence[Routed]) -> Results:
        """Deliver them with the next call. Raises TemporalAway when too many wait, and as that call does.

        The call continues when its caller is cancelled.
        """
        if self._count + len(alerts) > MOST:
            raise TemporalAway(f"{self._count} alerts wait for Temporal already")
        if incident not in self._next:
            self._next[incident] = _Batch()
            task = asyncio.create_task(self._work(incident))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        batch = self._next[incident]
        first = len(batch.alerts)
        batch.alerts += alerts
        self._count += len(alerts)
        results = await asyncio.shield(batch.results)
        return results[first : first + len(alerts)]

    async def _work(self, incident: str) -> None:
        """Call until nobody waits."""
        while (waiting := self._next[incident]).alerts:
            async with self._seats:
                self._next[incident] = _Batch()
                await self._call(incident, waiting)
        del self._next[incident]

    async def _call(self, incident: str, batch: _Batch) -> None:
        try:
            batch.results.set_result(await self._deliver(incident, batch.alerts))
        except Exception as error:
            batch.results.set_exception(error)
            batch.results.exception()  # their callers may be gone
        finally:
            self._count -= len(batch.alerts)
