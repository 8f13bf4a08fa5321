"""Room for what is urgent: however many wait or are verified, a crash is told and a service started."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.health.health_seen import HealthSeen
from activities.managers.process_seen import ProcessSeen
from activities.postgres.database_seen import DatabaseKind
from models.incident.alert import Alert
from models.incident.announcement import Occasion
from models.service.service import Service
from runtime.hosting import THREADS, workers
from runtime.search_attributes import register_search_attributes
from tests.parts.product.intake import BIN
from tests.workflows import sights
from tests.workflows.harness import Harness, hosted, open_harness
from tests.workflows.scenes import CRASH
from tests.workflows.world import World

WAITING = 100
TRIES = 5
BOUND = 120


@pytest.fixture
async def one_slot() -> AsyncIterator[Harness]:
    """A worker that does one thing at a time."""
    async with open_harness(slots=1, world=Crashes()) as harness:
        yield harness


async def test_a_verification_takes_no_slot_from_a_page_or_an_action(one_slot: Harness) -> None:
    one_slot.configure(
        page_after="0s",
        services={"other": {"manager": {"kind": "docker", "container": "other"}, "health": HEALTH}},
    )
    one_slot.world.hold("watch_health")
    first = await one_slot.fire(await one_slot.alert())
    await one_slot.until(first, "verifying")
    one_slot.world.process = CRASH
    second = await one_slot.fire(await one_slot.alert(service="other"))
    await one_slot.until_true(lambda: "start other" in one_slot.world.done)
    await one_slot.until_true(lambda: pages_of(one_slot.world, "ServiceDown/other") == 1)
    one_slot.world.let_go("watch_health")
    await one_slot.end(first)
    await one_slot.end(second)


async def test_every_slot_has_a_thread(harness: Harness) -> None:
    """What waits for a thread is late although its slot is free, and its time already runs."""
    with ThreadPoolExecutor(THREADS) as threads:
        common, _ = workers(harness.env.client, harness.world.activities(), threads, "web-1")
        limits = common.config()
    kinds = ("max_concurrent_activities", "max_concurrent_local_activities")
    assert sum(int(str(limits.get(kind) or 100)) for kind in kinds) <= THREADS


HEALTH = {"url": "http://localhost:3001/health"}
CRASHING = [f"crashing-{number}" for number in range(2 * TRIES)]
DEPENDENTS = [f"dependent-{number}" for number in range(WAITING)]


class Crashes(World):
    """Each service but the database has crashed until it is started."""

    def _health_of(self, service: Service) -> HealthSeen:
        return sights.HEALTHY if f"start {service.name}" in self.done else sights.REFUSED

    def _process_of(self, service: Service) -> ProcessSeen:
        return sights.RUNNING if f"start {service.name}" in self.done else CRASH


@pytest.fixture
async def server() -> AsyncIterator[Harness]:
    """A real server with one worker."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(BIN / "temporal"), data_converter=pydantic_data_converter
    )
    async with env:
        await register_search_attributes(env.client)
        harness = Harness(Crashes(), env)
        manager = {"kind": "docker", "container": "x"}
        harness.configure(
            page_after="0s",
            services={
                **{name: {"manager": manager, "health": HEALTH} for name in CRASHING},
                **{
                    name: {"manager": manager, "health": HEALTH, "depends_on": ["postgres"]}
                    for name in DEPENDENTS
                },
            },
        )
        async with hosted(env.client, harness.world, lambda: harness.configuration):
            yield harness


@pytest.mark.alone
async def test_a_crash_beside_a_hundred_that_wait_is_told_and_started_as_on_an_idle_system(
    server: Harness,
) -> None:
    """All wait for one lost database. Both medians are of this run: what counts is their ratio."""
    idle = statistics.median([await took(server, name) for name in CRASHING[:TRIES]])
    server.world.database = sights.database(DatabaseKind.REFUSED)
    server.world.database_process = CRASH
    server.world.hold("watch_database")
    await asyncio.gather(*(fire(server, name) for name in DEPENDENTS))
    await all_wait(server)
    busy = statistics.median([await took(server, name) for name in CRASHING[TRIES:]])
    assert busy < 2 * idle, f"{busy:.3f} s beside {WAITING} that wait, {idle:.3f} s without"


async def fire(server: Harness, service: str) -> None:
    await server.fire(Alert(name="ServiceDown", service=service, starts_at=datetime.now(UTC)))


async def all_wait(server: Harness) -> None:
    """Until the incident of the database knows that all of them wait for its end."""
    end = time.monotonic() + BOUND
    lost = server.incident("DatabaseConnectionFailure/postgres")
    waiting = 0
    while waiting < WAITING:
        assert time.monotonic() < end, f"{waiting} wait"
        await asyncio.sleep(0.5)
        with contextlib.suppress(RPCError):
            timeline = (await server.state(lost)).timeline
            waiting = sum("waits for the end of this incident" in one.text for one in timeline)


async def took(server: Harness, service: str) -> float:
    """Seconds from the alert until somebody is paged and the service is started."""
    began = time.monotonic()
    await fire(server, service)
    while not (pages_of(server.world, f"ServiceDown/{service}") and f"start {service}" in server.world.done):
        assert time.monotonic() - began < BOUND
        await asyncio.sleep(0.002)
    return time.monotonic() - began


def pages_of(world: World, incident: str) -> int:
    return sum(one.occasion is Occasion.PAGE and one.incident == incident for one in world.told)
