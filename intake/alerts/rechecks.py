"""Repeats that were answered without a call: a moment later their run is asked for once more.

Had it closed before they came, they are delivered now. So a repeat that meets the end of its run
is not lost, unless the process is killed within that moment; then the source's next repeat tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from intake.alerts.delivered import ASKED_EVERY
from intake.alerts.routing import Routed
from runtime.errors import Trouble

MOST = 10_000
MOST_BYTES = 32 * 2**20
"""What may be held in all. A repeat beyond that is not answered without a call."""


@dataclass(frozen=True)
class _Repeat:
    routed: Routed
    run: str
    came: datetime


class Rechecks:
    """`ended` tells when a run closed, None while it is open; `deliver` takes what had come after that."""

    def __init__(
        self,
        ended: Callable[[str, str], Awaitable[datetime | None]],
        deliver: Callable[[str, Sequence[Routed]], Awaitable[object]],
    ) -> None:
        self._ended = ended
        self._deliver = deliver
        self._held: dict[str, dict[str, _Repeat]] = {}
        """The last repeat of each instance, by incident."""
        self._count = self._bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    def hold(self, incident: str, run: str, alerts: Sequence[Routed]) -> bool:
        """Keep them until their run was asked for. False when there is no room."""
        size = sum(one.content.size for one in alerts)
        if self._closing.is_set() or self._count + len(alerts) > MOST or self._bytes + size > MOST_BYTES:
            return False
        if incident not in self._held:
            self._held[incident] = {}
            task = asyncio.create_task(self._recheck(incident))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        now = datetime.now(UTC)
        self.drop(incident, (one.instance for one in alerts))
        for one in alerts:
            self._held[incident][one.instance] = _Repeat(one, run, now)
            self._count += 1
            self._bytes += one.content.size
        return True

    def drop(self, incident: str, instances: Iterable[str]) -> None:
        """Something newer is told of these."""
        held = self._held.get(incident, {})
        for instance in instances:
            if dropped := held.pop(instance, None):
                self._count -= 1
                self._bytes -= dropped.routed.content.size

    async def finish(self) -> None:
        """Ask for all of them now: the process ends."""
        self._closing.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * ASKED_EVERY.total_seconds())

    async def _recheck(self, incident: str) -> None:
        while self._held[incident]:
            with suppress(TimeoutError):
                async with asyncio.timeout(ASKED_EVERY.total_seconds()):
                    await self._closing.wait()
            try:
                await self._settle(incident)
            except Trouble as error:
                structlog.get_logger("intake").warning("repeats wait", incident=incident, reason=str(error))
                if self._closing.is_set():
                    break
        self.drop(incident, list(self._held[incident]))
        del self._held[incident]

    async def _settle(self, incident: str) -> None:
        """What comes while Temporal is asked is a matter for the next time."""
        asked = datetime.now(UTC)
        held = self._held[incident]
        for run in {one.run for one in held.values()}:
            ended = await self._ended(incident, run)
            due = {key: one for key, one in held.items() if one.run == run and one.came < asked}
            if ended and (missed := [one.routed for one in due.values() if one.came >= ended]):
                await self._deliver(incident, missed)
            self.drop(incident, (key for key, one in due.items() if held.get(key) is one))
