"""A worker that says that it is alive: the hosted worker, with its rounds and its heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.worker import Worker

from activities.support.counts import begin_to_count
from models.configuration.configuration import Configuration
from models.names import queue_of
from runtime import hosting
from runtime.alive.gauges import MeterGauges
from runtime.alive.heartbeat import HeartbeatSender
from runtime.alive.open_runs import must_replay
from runtime.alive.rounds import Rounds
from runtime.alive.storing import StoreRounds
from runtime.alive.terminated import TerminatedWatch
from runtime.people.signing import Signer
from runtime.systems.outgoing import outgoing

PROCESS = "worker"
"""The label `process` of its metrics."""


@asynccontextmanager
async def hosted(
    client: Client, configuration: Callable[[], Configuration], host: str | None = None
) -> AsyncIterator[Worker]:
    """As `runtime.hosting.hosted`. A worker of one host makes its rounds, and sends no heartbeat.

    Raises DoesNotReplay where it must not start with this code.
    """
    stuck = () if host else await must_replay(client, configuration().worker.unreplayable)
    begin_to_count(configuration().channels)
    gauges = MeterGauges(Runtime.default().metric_meter, PROCESS)
    async with (
        outgoing(configuration) as http,
        hosting.hosted(client, configuration, host, stuck) as worker,
    ):
        heartbeat = HeartbeatSender(http, gauges)
        after = heartbeat.after_round if host is None else None
        rounds = Rounds(client, gauges, polls=queue_of(host), after=after)
        going = [asyncio.create_task(rounds.run(configuration))]
        if host is None:
            going.append(asyncio.create_task(TerminatedWatch(client, Signer(configuration)).run()))
            going.append(asyncio.create_task(StoreRounds(client, gauges).run(configuration)))
        try:
            yield worker
        finally:
            for task in going:
                task.cancel()
