"""A plan is for one service: what two services need are two plans, each asked by itself."""

from __future__ import annotations

from functools import partial
from operator import eq

from activities.postgres.database_seen import DatabaseKind
from activities.service.networks import NetworksSeen
from models.evidence.evidence import Finding
from tests.workflows.night import Night
from tests.workflows.scenes import unreachable

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
