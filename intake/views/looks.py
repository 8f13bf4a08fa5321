"""What Temporal says of the incidents, asked once for everybody who looks within a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from cachetools import TTLCache

from models.incident.incident import IncidentState
from models.incident.stewardship import ControlRoomState
from runtime.errors import Trouble
from runtime.incidents import Current, IncidentLine, Incidents, Which

FRESH = 1.0
"""Seconds for which an answer is shown again."""
MOST_KEPT = 2_000
MOST_ASKED = 40
"""Open incidents that a board asks one by one, eight at once; it shows of the others what Temporal lists."""
AT_ONCE = 8
Key = tuple[Hashable, ...]
T = TypeVar("T")


class Looks:
    """Reads incidents for pages. Twenty viewers cost as much as one."""

    def __init__(self, incidents: Incidents, control_room: Callable[[], Awaitable[ControlRoomState]]) -> None:
        self._incidents = incidents
        self._control_room = control_room
        self._asked: dict[Key, asyncio.Task[Any]] = {}
        self._kept: TTLCache[Key, Any] = TTLCache(MOST_KEPT, FRESH, time.monotonic)
        self._few = asyncio.Semaphore(AT_ONCE)

    async def state(self, incident: str, run_id: str = "") -> IncidentState:
        """Raises as `Incidents.state` does."""
        return await self.once(
            ("state", incident, run_id), lambda: self._incidents.state(incident, run_id or None)
        )

    async def current(self, incident: str) -> Current:
        """Its newest run. Raises NoSuchIncident and TemporalAway."""
        return await self.once(("current", incident), lambda: self._incidents.current(incident))

    def forget(self, incident: str) -> None:
        """Ask anew: it was just told something, and the person who told it sees what follows."""
        for key in (("state", incident, ""), ("current", incident)):
            self._kept.pop(key, None)
            self._asked.pop(key, None)

    async def lines(self, most: int, which: Which) -> tuple[IncidentLine, ...]:
        """Raises TemporalAway."""
        return await self.once(("lines", most, which.query), lambda: self._incidents.list(most, which))

    async def control_room(self) -> ControlRoomState:
        """Raises NobodyAnswers or TemporalAway."""
        return await self.once(("control room",), self._control_room)

    async def open_states(self, lines: tuple[IncidentLine, ...]) -> dict[str, IncidentState]:
        """The states of the open incidents among these that answered, by ID."""
        wanted = [line.id for line in lines if line.open][:MOST_ASKED]
        answers = await asyncio.gather(*(self._one_of_many(incident) for incident in wanted))
        return {state.id: state for state in answers if state}

    async def _one_of_many(self, incident: str) -> IncidentState | None:
        async with self._few:
            try:
                return await self.state(incident)
            except Trouble:  # a worker that is being replaced: the line itself is still shown
                return None

    async def once(self, key: Key, ask: Callable[[], Awaitable[T]]) -> T:
        """What was answered within a moment, or is being asked already; else ask."""
        if (kept := self._kept.get(key)) is not None:
            found: T = kept
            return found
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.ensure_future(ask())
            task.add_done_callback(lambda done: self._answered(key, done))
        answer: T = await asyncio.shield(task)
        return answer

    def _answered(self, key: Key, task: asyncio.Task[Any]) -> None:
        if self._asked.get(key) is not task:
            return
        del self._asked[key]
        if not task.cancelled() and task.exception() is None:
            self._kept[key] = task.result()
