"""Services on other hosts: each look, each effect and each proof is asked of the host it is about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.worker import Worker

from activities.incidents.stewardship import StewardshipActivities
from activities.postgres.database_seen import DatabaseKind
from models.incident.incident import Outcome
from models.names import queue_of, verification_queue_of
from runtime.hosting import workers
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.scenes import CRASH, failing, scene

WEB, DB = "web-1", "db-1"
HOSTS = {"backend": {"host": WEB}, "postgres": {"host": DB}}
Hosts = Callable[[str], AbstractAsyncContextManager[Worker]]


@pytest.fixture
def at_work(harness: Harness) -> Hosts:
    """A host's own worker, which takes what is asked of this host alone."""

    @asynccontextmanager
    async def working(host: str) -> AsyncIterator[Worker]:
        with ThreadPoolExecutor(2) as threads:
            activities = [
                *harness.world.activities(),
                StewardshipActivities(harness.env.client).look_at_history,
            ]
            common, verifications = workers(harness.env.client, activities, threads, host)
            async with common, verifications:
                yield common

    return working


async def asked_of(handle: WorkflowHandle[Any, Any]) -> set[tuple[str, str]]:
    """Each activity of a run, with the task queue that it was asked of."""
    events = (await handle.fetch_history()).events
    asked = [
        event.activity_task_scheduled_event_attributes
        for event in events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    return {(one.activity_type.name, one.task_queue.name) for one in asked}


async def approved_late(harness: Harness, handle: WorkflowHandle[Any, Any]) -> None:
    """Everything is looked at again, and one of these looks is held."""
    await harness.until(handle, "awaiting approval")
    await harness.sleep(timedelta(hours=2))
    harness.world.hold("look_at_dependencies")
    before = harness.world.called.count("look_at_dependencies")
    await handle.signal("approve")
    await harness.until_true(lambda: harness.world.called.count("look_at_dependencies") > before)


async def test_nobody_waits_for_a_host_whose_worker_is_away_to_be_told(harness: Harness) -> None:
    harness.configure(services={"postgres": {"host": DB}}, page_after="0s")
    await scene(health=sights.REFUSED, process=CRASH)(harness)
    handle = await harness.fire(await harness.alert())
    await harness.sleep(timedelta(seconds=8))
    await harness.until_true(lambda: harness.world.pages() == ["On-Call"])
    await harness.until_true(lambda: harness.world.done == ["start backend"])
    assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_nobody_waits_for_a_look_that_is_slow_to_be_told(harness: Harness, at_work: Hosts) -> None:
    """Its host is there, and takes long: the page says what is known so far, and the fix follows."""
    harness.configure(services={"postgres": {"host": DB}})
    await scene(health=sights.REFUSED, process=CRASH)(harness)
    harness.world.hold("look_at_dependencies")
    async with at_work(DB):
        handle = await harness.fire(await harness.alert())
        await harness.until_true(lambda: "look_at_dependencies" in harness.world.called)
        await harness.until_true(lambda: harness.world.pages() == ["On-Call"])
        assert harness.world.done == []
        harness.world.let_go("look_at_dependencies")
        assert (await harness.end(handle)).outcome is Outcome.RESOLVED


async def test_nobody_is_paged_after_a_cancellation_that_came_during_a_slow_look(
    harness: Harness, at_work: Hosts
) -> None:
    harness.configure(services={"postgres": {"host": DB}})
    await scene(health=sights.REFUSED, process=CRASH)(harness)
    harness.world.hold("look_at_dependencies")
    async with at_work(DB):
        handle = await harness.fire(await harness.alert())
        await harness.until_true(lambda: "look_at_dependencies" in harness.world.called)
        await handle.cancel()
        await harness.sleep(timedelta(seconds=10))
        harness.world.let_go("look_at_dependencies")
        assert (await harness.end(handle)).outcome is Outcome.CANCELLED
    assert harness.world.pages() == []


@pytest.mark.parametrize("ends", [Outcome.CANCELLED, Outcome.CLOSED_BY_HUMAN])
async def test_what_was_approved_late_is_not_done_after_a_cancellation_or_a_done(
    harness: Harness, at_work: Hosts, ends: Outcome
) -> None:
    """It came while everything was looked at again."""
    harness.configure(services={"postgres": {"host": DB}}, alerts={"HighErrorRate": {"severity": "warning"}})
    await failing(memory=sights.FILLING_HEAP)(harness)
    async with at_work(DB):
        handle = await harness.fire(await harness.alert("HighErrorRate"))
        await approved_late(harness, handle)
        await (handle.cancel() if ends is Outcome.CANCELLED else handle.signal("done"))
        harness.world.let_go("look_at_dependencies")
        review = await harness.end(handle)
    assert (review.outcome, harness.world.done) == (ends, [])


async def test_each_host_is_asked_about_its_own_service(harness: Harness, at_work: Hosts) -> None:
    harness.configure(services=HOSTS)
    lost = scene(
        health=sights.REFUSED,
        process=sights.RUNNING,
        database=sights.database(DatabaseKind.REFUSED),
        database_process=CRASH,
    )
    await lost(harness)
    async with at_work(WEB), at_work(DB):
        alert = await harness.alert("DatabaseConnectionFailure", service="postgres")
        review = await harness.end(await harness.fire(alert))
    assert review.outcome is Outcome.RESOLVED
    assert harness.world.done == ["start postgres", "restart backend"]
    runs = (harness.incident(alert.incident_id), harness.steward("postgres"), harness.steward("backend"))
    asked = {one for run in runs for one in await asked_of(run)}
    on = {host: {name for name, queue in asked if queue == queue_of(host)} for host in (WEB, DB)}
    assert on[DB] >= {"check_database", "look_at_process", "start_service"}
    assert on[WEB] >= {"look_at_networks", "propose_environment", "restart_service"}
    watched = {(name, queue) for name, queue in asked if name.startswith("watch_")}
    assert watched == {
        ("watch_database", verification_queue_of(DB)),
        ("watch_health", verification_queue_of(WEB)),
    }
    assert on[WEB] & on[DB] <= {"read_logs", "look_at_history"}, "what is asked of both is asked about both"


async def test_what_no_worker_of_its_host_takes_was_not_begun_and_a_person_hears_it_in_time(
    harness: Harness, at_work: Hosts
) -> None:
    """Its worker ends after it has looked: nobody waits for half an hour to hear that nothing was done."""
    harness.configure(services=HOSTS, alerts={"HighErrorRate": {"severity": "warning"}})
    await failing(memory=sights.FILLING_HEAP)(harness)
    async with at_work(DB):
        async with at_work(WEB):
            handle = await harness.fire(await harness.alert("HighErrorRate"))
            await approved_late(harness, handle)
        harness.world.let_go("look_at_dependencies")
        state = await harness.until(handle, "escalated")
        told = [one.text for one in state.timeline]
        assert any("host web-1 took it within 20 s: it was not begun" in one for one in told), told
        assert harness.world.done == []
        await handle.signal("done")
        await harness.sleep(timedelta(seconds=30))
        assert (await harness.end(handle)).outcome is Outcome.CLOSED_BY_HUMAN
