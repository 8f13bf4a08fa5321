"""A control room and a steward that ran before orders were signed judge what comes after the upgrade.

Both run for months, and their histories go on: the product's workflows on a real Temporal, first with the
code of before, which judged nothing, and then with that of today.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from models.incident.order import DeploymentTold
from models.incident.stewardship import ControlRoomState, StewardState, Switch
from models.messages import DEPLOYED, STATE
from models.names import CONTROL_ROOM, CONTROL_ROOM_ID, STEWARD, TASK_QUEUE, steward_id
from tests.integration.people.before_signing import ControlRoomBefore, StewardBefore
from tests.integration.people.test_forgeries import Product, server
from tests.workflows.harness import hosted
from workflows.people.orders import REFUSES_RAW
from workflows.runbooks.classes import WORKFLOWS
from workflows.stewardship.control_room import ControlRoom
from workflows.stewardship.steward import Steward

__all__ = ["server"]


def version(number: int) -> DeploymentTold:
    return DeploymentTold(service="backend", version=f"backend:{number}", deployed_at=datetime.now(UTC))


async def refusing(steward: WorkflowHandle[Any, Any]) -> StewardState:
    """Its book, once a deployment was refused, within a minute."""
    end = time.monotonic() + 60
    while True:
        state: StewardState = await steward.query(STATE, result_type=StewardState)
        if state.not_taken:
            return state
        assert time.monotonic() < end, state
        await asyncio.sleep(0.02)  # between two looks of a bounded wait


async def test_what_ran_before_the_upgrade_judges_what_comes_after_it(server: WorkflowEnvironment) -> None:
    product, client = Product(server.client), server.client
    product.approvals(temporal_ui=False)
    before = [one for one in WORKFLOWS if one not in (ControlRoom, Steward)]
    room = await client.start_workflow(
        CONTROL_ROOM, ControlRoomState(), id=CONTROL_ROOM_ID, task_queue=TASK_QUEUE
    )
    steward = await client.start_workflow(
        STEWARD, StewardState(service="backend"), id=steward_id("backend"), task_queue=TASK_QUEUE
    )
    workflows = [*before, ControlRoomBefore, StewardBefore]
    async with hosted(client, product.world, lambda: product.configuration, workflows=workflows):
        for why in ("one", "two"):
            await room.execute_update("suspend", Switch(by="ada", why=why))
            await steward.signal(DEPLOYED, version(len(why)))
        await steward.query(STATE)
    for _ in range(2):  # the second worker replays what the first began to judge
        async with hosted(client, product.world, lambda: product.configuration):
            with pytest.raises(WorkflowUpdateFailedError) as refused:
                await room.execute_update("resume", Switch(by="ada"))
            assert REFUSES_RAW in str(refused.value.cause)
            state: ControlRoomState = await room.query(STATE, result_type=ControlRoomState)
            assert (state.suspended, state.by, state.why) == (True, "ada", "two")
            await steward.signal(DEPLOYED, version(9))
            book = await refusing(steward)
            assert [one.version for one in book.deployments] == ["backend:3"]
    for one in (room, steward):
        with suppress(RPCError):
            await one.terminate("the test is over")
