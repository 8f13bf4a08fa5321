"""Rounds of a process through Temporal: what it sees there, as numbers, and when it last got through.

A round of a worker succeeds when Temporal says that this very process polls its task queue. That of
an intake succeeds when Temporal answers. What cannot be seen keeps its last value: the time of the
last round tells that it is old.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import structlog
from temporalio.client import Client

from models.configuration.configuration import Configuration
from models.incident.incident import Phase
from models.incident.search_attributes import ALERT_NAME, PHASE
from models.names import queue_of
from runtime.alive.gauges import Counted, Gauge, Gauges
from runtime.alive.overdue import overdue
from runtime.alive.queues import hosts_of, look_at_queue
from runtime.alive.temporal_disk import free_shares
from runtime.connection import PATIENCE
from runtime.errors import Trouble, in_time
from runtime.stuck_runs import stuck_runs
from workflows.checks.schedules import schedules

EVERY = timedelta(seconds=15)
RETRY = timedelta(seconds=3)
"""After a round that did not go well."""
SETTLES = timedelta(seconds=10)
"""Until then a worker that has just started may not be seen to poll: that is not worth a warning."""
WITHIN = timedelta(seconds=20)
LONG = timedelta(hours=1)
"""To look and to diagnose takes seconds, and what it waits for takes minutes."""

logger = structlog.get_logger(__name__)


class NotPolling(Trouble):
    """Temporal answers, and does not see this worker."""


class Rounds:
    """The rounds of one process. `polls`: the queue that this process polls, if it is a worker."""

    def __init__(
        self,
        client: Client,
        gauges: Gauges,
        *,
        polls: str | None = None,
        after: Callable[[Configuration], Awaitable[None]] | None = None,
        every: timedelta = EVERY,
    ) -> None:
        self._client = client
        self._gauges = gauges
        self._polls = polls
        self._after = after
        self._every = every
        self._began = datetime.now(UTC)
        self._troubled = False
        self._stuck = Counted(gauges, Gauge.STUCK_RUNS)
        self._open = Counted(gauges, Gauge.OPEN_INCIDENTS)

    async def run(self, configuration: Callable[[], Configuration]) -> None:
        """One round after the other, for ever. What goes wrong is logged once, until it goes well again."""
        while True:
            again = RETRY
            try:
                await self.round(configuration())
                self._troubled, again = False, self._every
            except Trouble as trouble:
                if not self._troubled and datetime.now(UTC) - self._began > SETTLES:
                    logger.warning("no round through Temporal", why=str(trouble))
                    self._troubled = True
            except Exception:
                logger.exception("no round through Temporal")
            await asyncio.sleep(again.total_seconds())

    async def round(self, configuration: Configuration) -> None:
        """Look once, and say when. Raises Trouble when Temporal, or this process, does not work."""
        async with in_time(WITHIN):
            await self._look_at_queues(configuration)
        self._gauges.set(Gauge.LAST_ROUND, time.time())
        await self._look_at_the_disk()
        if self._after is not None:
            await self._after(configuration)
        async with in_time(WITHIN):
            await self._look_at_runs(configuration)
            for row in schedules(configuration):
                late = await overdue(self._client, row, datetime.now(UTC), self._began)
                self._gauges.set(Gauge.CHECK_OVERDUE, late.total_seconds(), row.check.value)

    async def _look_at_queues(self, configuration: Configuration) -> None:
        queues = {*map(queue_of, (None, *hosts_of(configuration))), *([self._polls] if self._polls else [])}
        for queue in sorted(queues):
            seen = await look_at_queue(self._client, queue)
            self._gauges.set(Gauge.WORKERS, len(seen.polling), queue)
            self._gauges.set(Gauge.BACKLOG, seen.backlog, queue)
            self._gauges.set(Gauge.BACKLOG_AGE, seen.age.total_seconds(), queue)
            if queue == self._polls and self._client.identity not in seen.polling:
                raise NotPolling(f"Temporal does not see this worker poll {queue}")

    async def _look_at_runs(self, configuration: Configuration) -> None:
        stuck = Counter(one.service for one in await stuck_runs(self._client) if not one.is_alarm)
        self._stuck.set(stuck, known=configuration.services)
        phases = [phase.value for phase in Phase if phase is not Phase.CLOSED]
        self._open.set({phase: await self._count_open(phase) for phase in phases})
        began = f"AND StartTime < '{(datetime.now(UTC) - LONG).isoformat()}'"
        long = [await self._count_open(phase.value, began) for phase in (Phase.TRIAGE, Phase.DIAGNOSING)]
        self._gauges.set(Gauge.WITHOUT_PROGRESS, sum(long))

    async def _look_at_the_disk(self) -> None:
        shares = await asyncio.to_thread(free_shares, self._client.service_client.config.target_host)
        for directory, share in shares.items():
            self._gauges.set(Gauge.TEMPORAL_DISK, share, directory)

    async def _count_open(self, phase: str, began: str = "") -> int:
        query = f"{ALERT_NAME.name} IS NOT NULL AND ExecutionStatus = 'Running' AND {PHASE.name} = '{phase}'"
        query = f"{query} {began}".rstrip()
        return (await self._client.count_workflows(query, rpc_timeout=PATIENCE)).count
