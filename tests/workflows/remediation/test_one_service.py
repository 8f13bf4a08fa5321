"""A plan is for one service: what two services need are two plans, each asked by itself."""

from __future__ import annotations

from functools import partial
from operator import eq

from activities.postgres.database_seen import DatabaseKind
from activities.service.networks import NetworksSeen
from models.evidence.evidence import Finding
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.harness import Harness
from tests.workflows.scenes import unreachable
from tests.workflows.stewardship.test_stewardship import CRASH, first_of_two, queued

BOTH_OFF = NetworksSeen(
    finding=Finding.BAD,
    reason="both are off the network app",
    apart=("postgres",),
    off=("backend", "postgres"),
)


async def test_two_containers_that_left_the_network_are_two_questions(harness: Harness) -> None:
    await unreachable(DatabaseKind.NO_ROUTE, networks=BOTH_OFF)(harness)
    handle = await harness.fire(await harness.alert("DatabaseConnectionFailure", service="postgres"))
    done: list[str] = []
    for service in ("backend", "postgres"):
        says = f"connect {service} to the network app"
        state = await harness.until(handle, "awaiting approval")
        assert state.awaiting is not None
        assert (state.awaiting.plan.says, harness.world.done) == (says, done)
        await handle.signal("approve")
        done = [*done, says]
        await harness.until_true(partial(eq, harness.world.done, done))
    review = await harness.end(handle)
    assert [one.plan.service.name for one in review.performed] == ["backend", "postgres"]


async def test_two_incidents_that_need_both_services_do_not_wait_for_one_another(harness: Harness) -> None:
    """One has the backend and comes to need its database; the other has that, and needs the backend."""
    first, backend_first = await first_of_two(harness)
    harness.world.database = sights.database(DatabaseKind.REFUSED)
    harness.world.database_process = CRASH
    harness.world.hold("watch_database")
    alert = await harness.alert("DatabaseConnectionFailure", service="postgres")
    database_first = await harness.fire(alert)
    await harness.until(database_first, "verifying")
    harness.world.sessions = sights.deadlocked()
    await harness.resolve(first)
    await harness.end(first)
    await queued(harness, backend_first, "postgres")
    assert (await harness.book()).holder is None, "nothing is held while it waits"
    harness.world.let_go("watch_database")
    assert (await harness.end(database_first)).outcome is Outcome.RESOLVED
    await harness.until(backend_first, "awaiting approval")
    await backend_first.signal("approve")
    assert (await harness.end(backend_first)).outcome is Outcome.RESOLVED
