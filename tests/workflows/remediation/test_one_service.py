"""A plan is for one service: what two services need are two plans, each asked by itself."""

from __future__ import annotations

from functools import partial
from operator import eq

from activities.postgres.database_seen import DatabaseKind
from activities.service.networks import NetworksSeen
from models.evidence.evidence import Finding
from models.incident.incident import Outcome
from tests.workflows import sights
from tests.workflows.night import Night
from tests.workflows.scenes import unreachable
from tests.workflows.stewardship.test_stewardship import CRASH, first_of_two, queued

BOTH_OFF = NetworksSeen(
    finding=Finding.BAD,
    reason="both are off the network app",
    apart=("postgres",),
    off=("backend", "postgres"),
)


async def test_two_containers_that_left_the_network_are_two_questions(night: Night) -> None:
    await unreachable(DatabaseKind.NO_ROUTE, networks=BOTH_OFF)(night)
    handle = await night.fire(await night.alert("DatabaseConnectionFailure", service="postgres"))
    done: list[str] = []
    for service in ("backend", "postgres"):
        says = f"connect {service} to the network app"
        state = await night.until(handle, "awaiting approval")
        assert state.awaiting is not None
        assert (state.awaiting.plan.says, night.world.done) == (says, done)
        await handle.signal("approve")
        done = [*done, says]
        await night.until_true(partial(eq, night.world.done, done))
    review = await night.end(handle)
    assert [one.plan.service.name for one in review.performed] == ["backend", "postgres"]


async def test_two_incidents_that_need_both_services_do_not_wait_for_one_another(night: Night) -> None:
    """One has the backend and comes to need its database; the other has that, and needs the backend."""
    first, backend_first = await first_of_two(night)
    night.world.database = sights.database(DatabaseKind.REFUSED)
    night.world.database_process = CRASH
    night.world.hold("watch_database")
    alert = await night.alert("DatabaseConnectionFailure", service="postgres")
    database_first = await night.fire(alert)
    await night.until(database_first, "verifying")
    night.world.sessions = sights.deadlocked()
    await night.resolve(first)
    await night.end(first)
    await queued(night, backend_first, "postgres")
    assert (await night.book()).holder is None, "nothing is held while it waits"
    night.world.let_go("watch_database")
    assert (await night.end(database_first)).outcome is Outcome.RESOLVED
    await night.until(backend_first, "awaiting approval")
    await backend_first.signal("approve")
    assert (await night.end(backend_first)).outcome is Outcome.RESOLVED
