"""A run whose workflow tasks fail again and again is noticed, on a real server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from models.configuration.configuration import Configuration
from models.incident.alert import Alert
from models.names import TASK_QUEUE
from runtime.alive.gauges import Gauge, RegistryGauges
from runtime.alive.rounds import Rounds
from runtime.search_attributes import register_search_attributes
from runtime.stuck_runs import StuckWatch, check_runs, stuck_runs
from tests.parts.product.intake import BIN
from tests.workflows import sights
from tests.workflows.harness import Harness, hosted
from tests.workflows.mistaken import MISTAKEN, MistakenPage, MistakenReplay
from tests.workflows.world import World
from workflows.runbooks.classes import WORKFLOWS

MARKED_AFTER = "system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute=2"
BOUND = 45


@pytest.fixture
async def server() -> AsyncIterator[Harness]:
    """A dev server that marks a run after two failures instead of five, with a worker."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(BIN / "temporal"),
        dev_server_extra_args=["--dynamic-config-value", MARKED_AFTER],
        data_converter=pydantic_data_converter,
    )
    async with env:
        await register_search_attributes(env.client)
        harness = Harness(World(), env)
        kinds = (*WORKFLOWS, *MISTAKEN)
        async with hosted(env.client, harness.world, lambda: harness.configuration, workflows=kinds):
            yield harness


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    end = time.monotonic() + BOUND
    while not await true():
        assert time.monotonic() < end, "never true"
        await asyncio.sleep(0.2)


async def test_a_run_that_cannot_go_on_calls_a_person_until_it_does(server: Harness) -> None:
    client, world = server.env.client, server.world
    world.health, world.process = sights.HEALTHY, sights.RUNNING
    assert (await check_runs(client, named=True)).ok
    alert = Alert(name="ServiceDown", service="backend", starts_at=datetime.now(UTC))
    stuck = await server.fire(alert, runbook=MistakenReplay.__name__)

    async def marked() -> bool:
        return [one.id for one in await stuck_runs(client)] == ["ServiceDown/backend"]

    await until(marked)
    assert world.pages() == [], "it pages nobody by itself"
    registry = CollectorRegistry()
    rounds = Rounds(client, RegistryGauges(registry, "intake"))
    told = {"process": "intake", "service": "backend"}
    await rounds.round(server.configuration)
    assert registry.get_sample_value(Gauge.STUCK_RUNS, told) == 1
    here, there = StuckWatch(client), StuckWatch(client)
    for watch in (here, there, here):
        await watch.look(server.configuration)
    alarm = server.incident("WorkflowStuck/backend")

    async def paged() -> bool:
        return world.pages() == ["On-Call"]

    await until(paged)
    assert any("WorkflowStuck" in one.title for one in world.told)
    why = "cannot go on, for the workflow task fails"
    named, unnamed = await check_runs(client, named=True), await check_runs(client, named=False)
    assert (named.ok, named.problem) == (False, f"ServiceDown/backend {why}")
    assert (unnamed.optional, unnamed.problem) == (True, f"1 {why}")
    await stuck.terminate("mended")

    async def over() -> bool:
        await here.look(server.configuration)
        return (await alarm.describe()).close_time is not None

    await until(over)
    assert (await alarm.result()).outcome == "resolved-elsewhere"
    await rounds.round(server.configuration)
    assert registry.get_sample_value(Gauge.STUCK_RUNS, told) == 0


async def test_a_check_that_cannot_go_on_calls_a_person_and_hides_no_other_run(server: Harness) -> None:
    """The ID of a schedule's run is no service's name."""
    client = server.env.client
    alert = Alert(name="ServiceDown", service="backend", starts_at=datetime.now(UTC))
    ids = {"check/daily-2026-11-26T09:00:00Z", "check/weekly", "steward/web"}
    handles = [
        await client.start_workflow(MistakenReplay.__name__, alert, id=one, task_queue=TASK_QUEUE)
        for one in ids
    ]

    async def marked() -> bool:
        return {one.id for one in await stuck_runs(client)} == ids

    await until(marked)
    await StuckWatch(client).look(server.configuration)
    alarms = [f"WorkflowStuck/{one}" for one in ("check-daily", "check-weekly", "web")]
    for handle in [*handles, *map(client.get_workflow_handle, alarms)]:
        await handle.terminate("the test is over")


async def test_a_mistake_that_a_person_was_called_for_is_seen_as_well(server: Harness) -> None:
    client = server.env.client
    alert = Alert(name="ServiceDown", service="backend", starts_at=datetime.now(UTC))
    handle = await server.fire(alert, runbook=MistakenPage.__name__)

    async def seen() -> bool:
        return not (await check_runs(client, named=True)).ok

    await until(seen)
    problem = (await check_runs(client, named=True)).problem
    assert problem.startswith("ServiceDown/backend met a mistake in the product's own code")
    await handle.terminate()


async def test_a_look_that_fails_is_logged_and_the_watch_goes_on(server: Harness) -> None:
    looked = asyncio.Semaphore(0)

    def configuration() -> Configuration:
        looked.release()
        raise KeyError("services")

    watch = StuckWatch(server.env.client, every=timedelta(milliseconds=1))
    going = asyncio.create_task(watch.run(configuration))
    async with asyncio.timeout(60):
        for _ in range(3):
            await looked.acquire()
    going.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await going
