"""The worker beside the door: it takes the first look at an alert that this process has taken.

Temporal hands the first workflow task of a run to whoever starts it, if a worker sits on the
same client. That spares the way through the task queue. Everything after the first task is a
worker's, and so is everything when this one is not there: the door never waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from temporalio.client import Client
from temporalio.worker import Worker

from intake.alerts.sight import Sight
from models.names import ANY_ALERT
from models.service.service import Service
from models.text import plain

VOUCHED_FOR = ("ServiceDown", ANY_ALERT)
"""The runbooks whose first looks go only where `Sight` has looked before; the others ask systems
for which a worker may have the secret, and this process not."""
RETRY = 5.0
"""Seconds between two tries to get ready."""


class FirstLooks:
    """Keeps the worker beside the door alive, and says for which services it is to be used."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Client]],
        worker: Callable[[Client], Worker],
        probe: Callable[[Service], None],
        sight: Sight,
    ) -> None:
        self._connect = connect
        self._worker = worker
        self._probe = probe
        self._sight = sight
        self._client: Client | None = None

    def begin(self, runbook: str, service: str) -> Client | None:
        """Begin the first look, and name the client whose worker takes it; None: leave it to others."""
        seen = self._sight.seen(service) if runbook in VOUCHED_FOR else None
        if self._client is None or seen is None:
            return None
        self._probe(seen)
        return self._client

    async def keep_ready(self) -> None:
        """Run until cancelled. What befalls the worker is logged once an outage, and never raised."""
        silent_until = 0.0
        while True:
            began = time.monotonic()
            try:
                await self._run()
            except Exception as error:
                if began >= silent_until:
                    why = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
                    log = structlog.get_logger("intake")
                    log.warning("first looks are left to the workers", reason=plain(str(why)))
            silent_until = time.monotonic() + 2 * RETRY
            await asyncio.sleep(RETRY)

    async def _run(self) -> None:
        """One life of the worker: it ends by its first failure, or drains when this is cancelled."""
        client = await self._connect()
        worker = self._worker(client)
        try:
            async with asyncio.TaskGroup() as together:
                together.create_task(worker.run())
                together.create_task(self._sight.keep_looking())
                self._client = client
        finally:
            self._client = None
