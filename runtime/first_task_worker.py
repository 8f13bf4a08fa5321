"""The worker that the intake hosts, and the eyes by which it is found fit to look.

It takes the first workflow task of the runs that the intake itself starts, with all the looks
in it, and nothing else: it polls no task queue, so that whatever follows is a worker's, and no
worker is missed while it is there. `docs/intake.md` tells the operator about it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import (
    CustomSlotSupplier,
    FixedSizeSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
    Worker,
    WorkerTuner,
)

from activities.health.probe import HealthActivities
from activities.managers import ManagerError, Managers
from activities.postgres.check import PostgresActivities
from models.evidence.evidence import Evidence, HealthSeen, ProcessSeen
from models.names import TASK_QUEUE
from models.service.service import Service
from runtime.hosting import House
from workflows.runbooks.registry import WORKFLOWS

AT_ONCE = 16
"""First looks at the same time; in a storm the rest goes to the workers."""
KEPT = 200
"""Runs that stay in memory after their first task. A run must not be forgotten while it looks."""
LOOKS_AT_ONCE = 100
DRAIN = timedelta(seconds=5)
STALE = 5.0
"""Seconds after which a probe that was begun early is evidence of the past."""


class OwnStartsOnly(CustomSlotSupplier):
    """Room for the tasks that come with a start, and none for those that must be polled for."""

    def __init__(self, most: int) -> None:
        self._free = most

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        """Asked before each poll: waits until the worker ends."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody answers that")

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """Asked before each eager start."""
        if self._free == 0:
            return None
        self._free -= 1
        return SlotPermit()

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """A slot is as taken by a start that is under way as by its task."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        self._free += 1


class EarlyHealth(HealthActivities):
    """Probes when the alert comes in, while Temporal takes it; the incident's look finds it under way.

    Each early probe answers one look. When Temporal does not take the alert, a health check was
    asked once too often, and nothing else has happened.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        super().__init__(client)
        self._under_way: dict[str, tuple[float, Service, asyncio.Task[HealthSeen]]] = {}

    def begin(self, service: Service) -> None:
        """Ask the health check now, unless it is being asked already."""
        if service.health and self._fresh(service) is None:
            probing = asyncio.create_task(super().probe_health(service))
            self._under_way[service.name] = (time.monotonic(), service, probing)

    @activity.defn
    async def probe_health(self, service: Service) -> HealthSeen:
        """The probe that is under way, else one of its own."""
        probing = self._fresh(service)
        if probing is None:
            return await super().probe_health(service)
        del self._under_way[service.name]
        return await probing

    def _fresh(self, service: Service) -> asyncio.Task[HealthSeen] | None:
        began, asked, probing = self._under_way.get(service.name, (0.0, None, None))
        return probing if asked == service and time.monotonic() - began < STALE else None


def first_look_worker(client: Client, house: House, threads: ThreadPoolExecutor) -> Worker:
    """The intake's worker: the first workflow task and the looks in it, by this process alone."""
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=house.looks,
        no_remote_activities=True,
        activity_executor=threads,
        max_cached_workflows=KEPT,
        tuner=WorkerTuner.create_composite(
            workflow_supplier=OwnStartsOnly(AT_ONCE),
            activity_supplier=FixedSizeSlotSupplier(1),
            local_activity_supplier=FixedSizeSlotSupplier(LOOKS_AT_ONCE),
            nexus_supplier=FixedSizeSlotSupplier(1),
        ),
        graceful_shutdown_timeout=DRAIN,
    )


def eyes(http: httpx.AsyncClient) -> Callable[[Service], Awaitable[Sequence[Evidence]]]:
    """All that shows whether this process sees a service: its manager, health check and database."""
    managers, health, postgres = Managers(), HealthActivities(http), PostgresActivities()

    def process(service: Service) -> ProcessSeen:
        try:
            return managers.of(service).state()
        except ManagerError as error:
            return ProcessSeen(reason=str(error))

    async def look(service: Service) -> Sequence[Evidence]:
        found: list[Evidence] = [await asyncio.to_thread(process, service)]
        if service.health:
            found.append(await health.probe_health(service))
        if service.database:
            found.append(await postgres.check_database(service))
        return found

    return look
