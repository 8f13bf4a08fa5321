"""The sessions of browsers that were ended before their time. Temporal remembers them, for every intake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from cachetools import TTLCache
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from models.names import SIGNED_OUT, TASK_QUEUE, signed_out_id
from runtime.connection import PATIENCE
from runtime.errors import NoSuchIncident, in_time

LONGEST = timedelta(hours=12)
"""No session lasts longer."""
FRESH = timedelta(seconds=5)
"""So long a session counts for which Temporal knew of no end: an intake hears late of what another ended."""
EARLY = timedelta(seconds=2)
"""So long before that it is asked again beside who uses the session, so that their page need not wait."""
_MOST = 10_000


class Sessions:
    """Ends sessions, and knows those that were ended. A session is named by what only it has."""

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._over: TTLCache[str, bool] = TTLCache(_MOST, LONGEST.total_seconds(), clock)
        self._good: TTLCache[str, bool] = TTLCache(_MOST, FRESH.total_seconds(), clock)
        self._just_asked: TTLCache[str, bool] = TTLCache(_MOST, (FRESH - EARLY).total_seconds(), clock)
        self._asking: dict[str, asyncio.Task[bool]] = {}

    async def end(self, session: str) -> None:
        """From now on it signs nobody in, whatever restarts. Raises TemporalAway: then this process alone
        knows."""
        name = signed_out_id(session)
        self._over[name] = True
        try:
            async with in_time(PATIENCE):
                await self._client.start_workflow(
                    SIGNED_OUT,
                    id=name,
                    task_queue=TASK_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    rpc_timeout=PATIENCE,
                )
        except WorkflowAlreadyStartedError:
            return

    async def is_over(self, session: str) -> bool:
        """Raises TemporalAway and NobodyAnswers: what cannot be asked about signs nobody in."""
        name = signed_out_id(session)
        if name in self._over or name in self._just_asked:
            return name in self._over
        asking = self._begun(name)
        return False if name in self._good else await asyncio.shield(asking)

    def _begun(self, name: str) -> asyncio.Task[bool]:
        task = self._asking.get(name)
        if task is None:
            task = self._asking[name] = asyncio.create_task(self._ask(name))
            task.add_done_callback(lambda done: self._answered(name, done))
        return task

    def _answered(self, name: str, task: asyncio.Task[bool]) -> None:
        del self._asking[name]
        if not task.cancelled():
            task.exception()  # who waits for it hears it; without anybody, the next page asks again

    async def _ask(self, name: str) -> bool:
        try:
            async with in_time(PATIENCE, name):
                await self._client.get_workflow_handle(name).describe(rpc_timeout=PATIENCE)
        except NoSuchIncident:
            self._good[name] = self._just_asked[name] = True
            return name in self._over
        self._over[name] = True
        return True
