"""What Temporal says of the incidents, asked once for everybody who looks within a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from cachetools import TLRUCache, TTLCache

from models.incident.incident import IncidentState, Phase
from models.incident.stewardship import ControlRoomState
from runtime.errors import NobodyAnswers, Trouble
from runtime.incidents import IncidentLine, Incidents
from runtime.overview.listed import Listed
from runtime.overview.states import OpenStates, States
from runtime.run_info import Current

FRESH = 1.0
"""Seconds for which an answer is shown again."""
STORE_FRESH = 5.0
"""The same of what the store said; it is written to every 15."""
STORED_STILL_SHOWN = 60.0
"""Seconds for which that is shown while the store takes long to answer."""
SHARE, LONGEST = 30, 3.0
"""How the incidents stand is asked again after so many times as long as their answers took, and after so many
seconds at most: an alert storm makes answers slow, and boards leave the processor to the alerts."""
AT_ONCE = 0.5
"""Seconds after that for which a board that is loaded shows at once what was known, while it is asked anew:
as long as others follow the board, what is known is hardly ever older."""
STILL_SHOWN = 2.0
"""Seconds for which it may show that while it takes long to ask: its live stream then tells what changed."""
LOADS_WITHIN = 0.1
"""Seconds for which it waits before that."""
SHOWN_FOR = 5.0
"""Seconds for which somebody is taken to have an incident before them after their page asked for it."""
ROOM_WITHIN = 1.0
MOST_KEPT = 2_000
Key = tuple[Hashable, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Standing:
    """How the incidents stand. As long as nothing changes it is the same object."""

    lines: Sequence[IncidentLine]
    """What is open, what needs a person first; then what has just closed."""
    states: Mapping[str, IncidentState]
    """Of the open ones that answered, by ID."""
    room: ControlRoomState | None
    """None where it cannot be read now."""
    left_out: int = 0
    """How many open ones are not among the lines: there are too many to list."""


def good_for(took: float) -> float:
    """The seconds for which answers are shown that took so many."""
    return min(LONGEST, max(FRESH, SHARE * took))


class Looks:
    """Reads incidents for pages. Twenty viewers cost as much as one."""

    def __init__(
        self,
        incidents: Incidents,
        listed: Listed,
        states: States,
        control_room: Callable[[], Awaitable[ControlRoomState]],
    ) -> None:
        self._incidents = incidents
        self._listed = listed
        self._states = states
        self._open_states = OpenStates(states)
        self._control_room = control_room
        self._asked: dict[Key, asyncio.Future[Any]] = {}
        self._kept: TLRUCache[Key, tuple[float, Any]] = TLRUCache(
            MOST_KEPT, lambda _, kept, now: now + kept[0], time.monotonic
        )
        self._stored: TTLCache[Key, Any] = TTLCache(MOST_KEPT, STORED_STILL_SHOWN, time.monotonic)
        self._standing: Standing | None = None
        self._stands_until = 0.0
        self._told = 0
        """How often an incident was told something."""
        self._shown: TTLCache[Hashable, frozenset[str]] = TTLCache(MOST_KEPT, SHOWN_FOR, time.monotonic)

    async def state(self, incident: str, run_id: str = "") -> IncidentState:
        """Raises as `Incidents.state` does."""
        if run_id:
            return await self.once(
                ("state", incident, run_id), lambda: self._incidents.state(incident, run_id)
            )
        now = await self.current(incident)
        ask = partial(self._states.of, incident, now.run_id, now.length)
        return await self.once(("state", incident), ask, lasts=0)

    async def incident(self, incident: str, run_id: str = "") -> IncidentState:
        """Its state, with the samples of the verification that goes on. Raises as `Incidents.state` does."""
        state = await self.state(incident, run_id)
        if run_id or state.phase is not Phase.VERIFYING:
            return state
        try:
            probes = await self.once(("probes", incident), lambda: self._incidents.probes(incident))
        except Trouble:  # they come with the next look
            return state
        return state.model_copy(update={"probes": probes}) if probes.points else state

    async def current(self, incident: str) -> Current:
        """Its newest run. Raises NoSuchIncident and TemporalAway."""
        return await self.once(("current", incident), lambda: self._incidents.current(incident))

    def forget(self, incident: str) -> None:
        """Ask anew: it was just told something, and the person who told it sees what follows."""
        self._told += 1
        self._standing = None
        self._states.forget(incident)
        for key in (("state", incident), ("current", incident), ("standing",)):
            self._kept.pop(key, None)
            self._asked.pop(key, None)

    async def standing(self, *, fresh: bool = False) -> Standing:
        """How the incidents stand: as of a second ago where it must be `fresh`, in a storm as of three.
        Raises TemporalAway."""
        kept, late = self._standing, time.monotonic() - self._stands_until
        if kept is not None and late < 0:
            return kept
        asking = self._begun(("standing",), self._look, lasts=0)
        if kept is None or fresh or late > STILL_SHOWN:
            return await asyncio.shield(asking)
        if late > AT_ONCE:
            await asyncio.wait({asking}, timeout=LOADS_WITHIN)
        return self._standing or kept

    def shows(self, page: Hashable, runs: frozenset[str]) -> None:
        """A page shows these runs to somebody: about them Temporal is asked first."""
        self._shown[page] = runs

    async def _look(self) -> Standing:
        told = self._told
        lines, room = await asyncio.gather(self._listed.lines(datetime.now(UTC)), self._room())
        shown = [self._shown.get(page, frozenset()) for page in list(self._shown)]
        asked_at = time.monotonic()
        states = await self._open_states.round(lines, frozenset().union(*shown))
        answered_at = time.monotonic()
        now = Standing(lines, states, room, self._listed.left_out)
        if now == self._standing:
            now = self._standing
        if told == self._told:
            self._standing = now
            self._stands_until = answered_at + good_for(answered_at - asked_at)
        return now

    async def _room(self) -> ControlRoomState | None:
        try:
            async with asyncio.timeout(ROOM_WITHIN):
                return await self.once(("control room",), self._control_room)
        except (TimeoutError, NobodyAnswers):
            return None

    async def once(self, key: Key, ask: Callable[[], Awaitable[T]], lasts: float = FRESH) -> T:
        """What was answered at most so many seconds ago, or is being asked already; else ask."""
        if (kept := self._kept.get(key)) is not None:
            found: T = kept[1]
            return found
        answer: T = await asyncio.shield(self._begun(key, ask, lasts))
        return answer

    async def stored(self, key: Key, ask: Callable[[], Awaitable[T]]) -> T:
        """What the store said a moment ago; where it takes long to answer again, what it said before."""
        before = self._stored.get(key)
        if before is not None and key not in self._kept:
            asking = self._begun(key, ask, STORE_FRESH)
            if not (await asyncio.wait({asking}, timeout=LOADS_WITHIN))[0]:
                kept: T = before
                return kept
        found = await self.once(key, ask, STORE_FRESH)
        self._stored[key] = found
        return found

    def _begun(self, key: Key, ask: Callable[[], Awaitable[T]], lasts: float) -> asyncio.Future[T]:
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.ensure_future(ask())
            task.add_done_callback(lambda done: self._answered(key, done, lasts))
        return task

    def _answered(self, key: Key, task: asyncio.Future[Any], lasts: float) -> None:
        failed = task.cancelled() or task.exception() is not None
        if self._asked.get(key) is not task:
            return
        del self._asked[key]
        if not failed:
            self._kept[key] = lasts, task.result()
