"""What incidents say of themselves. One is asked again when its history grew: what it says follows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from cachetools import LRUCache
from temporalio.client import Client

from models.incident.incident import IncidentState
from runtime.errors import Trouble
from runtime.incidents import IncidentLine, Incidents
from runtime.run_info import info_of

MOST_KEPT = 1_000
MOST_ASKED = 50
"""Open incidents about which Temporal is asked in one round: as many as one page shows."""
AT_ONCE = 8
WITHIN = 0.1
"""Seconds for which a round waits: what is answered later is shown by the next one."""
SHOWN_EVERY, OTHERS_EVERY = 0.9, 30.0
"""Seconds after which one is looked at again: one that somebody has before them, and any other."""


class _Kept(NamedTuple):
    run_id: str
    length: int
    state: IncidentState


class States:
    """What an incident says of itself, kept for as long as the history of its run has the same length."""

    def __init__(self, client: Client, incidents: Incidents) -> None:
        self._client = client
        self._incidents = incidents
        self._kept: LRUCache[str, _Kept] = LRUCache(MOST_KEPT)

    async def of(self, incident: str, run_id: str, length: int) -> IncidentState:
        """As it is when the history has this many events, or later. Raises as `Incidents.state` does."""
        kept = self._kept.get(incident)
        if kept is None or (kept.run_id, kept.length) != (run_id, length):
            kept = _Kept(run_id, length, await self._incidents.state(incident, run_id))
            self._kept[incident] = kept
        return kept.state

    async def now(self, line: IncidentLine) -> IncidentState:
        """As it is now. Raises as `Incidents.state` does."""
        info = await info_of(self._client, line.id, line.run_id)
        return await self.of(line.id, line.run_id, info.history_length)

    def forget(self, incident: str) -> None:
        """It was told something that its history may not have yet: a workflow task was under way."""
        self._kept.pop(incident, None)


class _Asked(NamedTuple):
    line: IncidentLine
    at: float


class OpenStates:
    """The states of the open incidents, some of which are asked in each round."""

    def __init__(self, states: States, clock: Callable[[], float] = time.monotonic) -> None:
        self._states = states
        self._clock = clock
        self._few = asyncio.Semaphore(AT_ONCE)
        self._known: dict[str, IncidentState] = {}
        self._asked: dict[str, _Asked] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def round(
        self, lines: Sequence[IncidentLine], shown: Collection[str] = ()
    ) -> Mapping[str, IncidentState]:
        """What is known of these, by incident; first about what is new or has changed, and of the rest about
        those runs that are `shown`. One that does not answer is left out."""
        runs = {line.run_id for line in lines}
        for kept in (self._known, self._asked):
            for gone in kept.keys() - runs:
                del kept[gone]
        for line in self._due(lines, shown):
            self._asked[line.run_id] = _Asked(line, self._clock())
            self._asking[line.run_id] = asyncio.create_task(self._ask(line))
        if self._asking:
            await asyncio.wait(self._asking.values(), timeout=WITHIN)
        return {line.id: self._known[line.run_id] for line in lines if line.run_id in self._known}

    def _due(self, lines: Sequence[IncidentLine], shown: Collection[str]) -> Sequence[IncidentLine]:
        def at(line: IncidentLine) -> float:
            asked = self._asked.get(line.run_id)
            if asked is None or asked.line is not line:
                return 0.0
            return asked.at + (SHOWN_EVERY if line.run_id in shown else OTHERS_EVERY)

        now = self._clock()
        due = [(at(line), line) for line in lines if line.open and line.run_id not in self._asking]
        due = sorted((one for one in due if one[0] <= now), key=lambda one: one[0])
        return [line for _, line in due[: MOST_ASKED - len(self._asking)]]

    async def _ask(self, line: IncidentLine) -> None:
        try:
            async with self._few:
                self._known[line.run_id] = await self._states.now(line)
        except Trouble:  # a worker that is being replaced: the line itself is still shown
            self._known.pop(line.run_id, None)
        finally:
            del self._asking[line.run_id]
