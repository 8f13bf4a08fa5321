"""A cancelled incident on a real Temporal: a killed worker and a new run lose neither it nor the revert.

The time-skipping server cannot continue a run as new whose cancellation was requested.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from werkzeug import Request, Response

from models.incident.alert import Alert
from models.incident.announcement import Occasion
from models.incident.incident import IncidentState, Outcome, Phase
from models.incident.review import Review
from models.incident.search_attributes import ALL
from models.names import TASK_QUEUE
from tests.parts.product.intake import BIN, ROOT, TemporalServer, until
from tests.workflows import sights
from tests.workflows.harness import Harness, Incident, hosted
from tests.workflows.incident.test_new_runs import run_of, told_for_months
from tests.workflows.remediation.test_degradation import DEGRADE, RESTORE, degraded
from tests.workflows.switch import resume, suspend
from tests.workflows.world import World
from workflows.record.continuation import LONG, PAUSE

WITHIN = 90


@pytest.fixture
async def server() -> AsyncIterator[Harness]:
    """A real server; the test hosts its workers itself."""
    env = await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(BIN / "temporal"),
        data_converter=pydantic_data_converter,
        search_attributes=ALL,
    )
    async with env:
        yield Harness(World(), env)


@asynccontextmanager
async def worker(harness: Harness) -> AsyncIterator[Harness]:
    async with hosted(harness.env.client, harness.world, lambda: harness.configuration):
        yield harness


async def with_a_person(harness: Harness) -> Incident:
    """Degraded, in vain: it waits for a person."""
    harness.world.watched["watch_errors"] = sights.FAILING
    handle = await degraded(harness)
    await harness.until(handle, "escalated")
    return handle


def ends(world: World) -> int:
    return [one.occasion for one in world.told].count(Occasion.RESOLVED)


@pytest.mark.parametrize(
    ("word", "outcome"), [("cancel", Outcome.CANCELLED), ("done", Outcome.CLOSED_BY_HUMAN)]
)
async def test_while_its_revert_waits_for_the_kill_switch_it_goes_on_in_a_new_run(
    server: Harness, word: str, outcome: Outcome
) -> None:
    async with worker(server):
        handle = await with_a_person(server)
        await suspend(server, by="ada", why="a migration")
        await (handle.cancel() if word == "cancel" else handle.signal("done"))
        handle = await told_for_months(server, handle)
        assert server.world.done == [DEGRADE]
        await resume(server, by="ada")
        review = await server.end(handle)
    assert server.world.done == [DEGRADE, RESTORE]
    assert review.outcome is outcome
    assert (server.world.reviews, ends(server.world)) == ([review], 1)


async def test_while_its_revert_waits_in_line_it_goes_on_in_a_new_run(server: Harness) -> None:
    async with worker(server):
        handle = await with_a_person(server)
        other = await another_that_holds_it(server)
        await handle.cancel()
        handle = await told_for_months(server, handle)
        assert server.world.done == [DEGRADE]
        await other.signal("deny")
        review = await server.end(handle)
        await server.closes(other)
        assert (await server.book()).holder is None
    assert server.world.done == [DEGRADE, RESTORE]
    assert review.outcome is Outcome.CANCELLED


async def another_that_holds_it(server: Harness) -> Incident:
    """It asks for approval of a plan for the same service."""
    server.world.health, server.world.port = sights.REFUSED, sights.TAKEN_PORT
    server.world.process = sights.crashed(sights.LONG_AGO)
    other = await server.fire(await server.alert())
    await server.until(other, "awaiting approval")
    return other


@pytest.mark.parametrize("said", [False, True], ids=["then", "before"])
async def test_while_its_revert_fails_it_goes_on_and_a_person_ends_it(server: Harness, *, said: bool) -> None:
    async with worker(server):
        handle = await with_a_person(server)
        server.world.works = False
        await handle.cancel()
        await server.until_true(lambda: "could not be reverted" in server.world.told[-1].text)
        if said:
            await suspend(server, by="ada", why="a migration")
            await handle.signal("done")
        handle = await told_for_months(server, handle)
        await resume(server, by="ada")
        review = await (server.end if said else server.closes)(handle)
    assert server.world.done == [DEGRADE, RESTORE, RESTORE], "it is tried once more, and given up"
    assert review.outcome is Outcome.CANCELLED
    assert (server.world.reviews, ends(server.world)) == ([review], 1)


async def test_what_comes_while_the_review_is_written_is_not_lost(server: Harness) -> None:
    """More signals than one run takes before it goes on in a new one, and the alert fires anew."""
    async with worker(server):
        handle = await with_a_person(server)
        server.world.hold("write_review")
        await handle.cancel()
        await server.until_true(lambda: "write_review" in server.world.called)
        first, alert = await run_of(handle), (await server.state(handle)).alert
        for _ in range(LONG + 200):
            await handle.signal("alert_changed", alert)
        await server.resolve(handle)
        anew = await server.alert("HighErrorRate")
        await handle.signal("alert_changed", anew)
        server.world.errors = sights.FEW_ERRORS
        server.world.let_go("write_review")
        closed = server.env.client.get_workflow_handle(handle.id, run_id=first, result_type=Review)
        await until(lambda: another_run(server, handle, first), within=30)
        next_one = await server.state(server.incident(handle.id))
    assert (await closed.fetch_history()).events, "its run is kept"
    assert server.world.done == [DEGRADE, RESTORE]
    assert [one.outcome for one in server.world.reviews][:1] == [Outcome.CANCELLED]
    assert next_one.alert.starts_at == anew.starts_at


async def another_run(harness: Harness, handle: Incident, first: str) -> bool:
    return await run_of(harness.incident(handle.id)) != first


async def test_a_cancellation_in_the_task_that_goes_on_in_a_new_run_is_heard(server: Harness) -> None:
    """No worker is there while messages and the cancellation come: one task brings them all."""
    async with worker(server):
        handle = await with_a_person(server)
    await asyncio.sleep(PAUSE.total_seconds())  # so that messages have paused for long enough
    for _ in range(LONG):
        await handle.signal("steward_says")
    await handle.cancel()
    async with worker(server):
        review = await server.end(server.incident(handle.id))
    assert review.outcome is Outcome.CANCELLED
    assert server.world.done == [DEGRADE, RESTORE]


@dataclass
class Application:
    """Takes the switch of the degraded mode; it may be slow to leave it."""

    degraded: bool = False
    left: int = 0
    """How often it left the degraded mode."""
    asked: threading.Event = field(default_factory=threading.Event)
    may_leave: threading.Event = field(default_factory=threading.Event)

    def switch(self, request: Request) -> Response:
        if request.method == "POST":
            self.degraded = True
        else:
            self.asked.set()
            self.may_leave.wait(WITHIN)
            self.left += self.degraded
            self.degraded = False
        return Response(status=204)


@pytest.mark.parametrize("killed", [False, True], ids=["it lives", "it is killed"])
async def test_cancelled_while_the_revert_is_under_way_it_is_reverted_once(
    httpserver: HTTPServer, tmp_path: Path, *, killed: bool
) -> None:
    application, told = Application(), tmp_path / "told"
    httpserver.expect_request("/mode").respond_with_handler(application.switch)
    temporal = TemporalServer(tmp_path)
    client = await temporal.start()
    workers = [await degrading_worker(temporal, httpserver.url_for("/mode"), told)]
    try:
        handle = await fire(client)
        await until(lambda: is_escalated(handle), within=WITHIN)
        assert application.degraded
        await handle.signal("done")
        assert await asyncio.to_thread(application.asked.wait, WITHIN), (
            "it is asked to leave the degraded mode"
        )
        await handle.cancel()
        if killed:
            workers[0].kill()
            await workers[0].wait()
            workers.append(await degrading_worker(temporal, httpserver.url_for("/mode"), told))
        application.may_leave.set()
        review = await asyncio.wait_for(handle.result(), WITHIN)
    finally:
        application.may_leave.set()
        for one in workers:
            if one.returncode is None:
                one.kill()
            await one.wait()
        await temporal.kill()
    assert (application.degraded, application.left) == (False, 1)
    assert [(one.plan.says, one.done) for one in review.performed] == [(DEGRADE, True), (RESTORE, True)]
    assert any(entry.text == "cancelled" for entry in review.timeline)
    lines = told.read_text().split()
    assert (lines.count("review"), lines.count(Occasion.RESOLVED)) == (1, 1)


async def degrading_worker(temporal: TemporalServer, switch: str, told: Path) -> asyncio.subprocess.Process:
    module = "tests.workflows.remediation.degrading_worker"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, temporal.address, switch, str(told), cwd=ROOT
    )


async def fire(client: Client) -> Incident:
    alert = Alert(name="HighErrorRate", service="backend", starts_at=datetime.now(UTC))
    return await client.start_workflow(
        "HighErrorRate", alert, id=alert.incident_id, task_queue=TASK_QUEUE, result_type=Review
    )


async def is_escalated(handle: Incident) -> bool:
    state: IncidentState = await handle.query("state", result_type=IncidentState)
    return state.phase is Phase.ESCALATED
