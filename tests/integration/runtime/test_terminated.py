"""An incident that somebody terminated is told of once, and its service is free, on a real server."""

from __future__ import annotations

from models.incident.search_attributes import of_alert
from models.names import CONTROL_ROOM_ID, Severity
from runtime.alive.terminated import TerminatedWatch
from tests.integration.runtime.test_stuck_runs import server, until
from tests.parts.product.signing import SIGNER
from tests.workflows import sights
from tests.workflows.harness import Harness

__all__ = ["server"]
SAID = "ServiceDown/backend was terminated"


async def test_a_terminated_incident_is_told_of_once_and_holds_nothing(server: Harness) -> None:
    client, world = server.env.client, server.world
    world.port = sights.TAKEN_PORT
    alert = await server.alert()
    handle = await server.fire(alert, search_attributes=of_alert(alert, Severity.CRITICAL))
    await server.until(handle, "awaiting approval")
    assert (await server.book()).holder is not None
    await handle.terminate("by mistake")
    watch = TerminatedWatch(client, SIGNER)

    async def told() -> bool:
        await watch.look()
        return SAID in world.notices()

    async def free() -> bool:
        return (await server.book()).holder is None

    await until(told)
    await until(free)
    await TerminatedWatch(client, SIGNER).look()  # another worker finds it as well
    await client.get_workflow_handle(CONTROL_ROOM_ID).query("state")  # which has taken that by now
    assert world.notices().count(SAID) == 1
