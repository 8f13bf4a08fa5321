"""A time-skipping server for each test, with a worker whose outside world is scripted."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.policy import PolicyActivities
from activities.stewardship import StewardshipActivities
from models.alert import Alert
from models.configuration import Configuration
from models.incident import IncidentState
from models.names import TASK_QUEUE
from models.review import Review
from tests.workflows.world import World
from workflows.catalogue import WORKFLOWS
from workflows.search_attributes import ALL

SERVER = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent)) or shutil.which(
    "temporal-test-server"
)

CONFIGURATION: dict[str, Any] = {
    "services": {
        "backend": {
            "manager": {"kind": "docker", "container": "backend"},
            "health": {"url": "http://localhost:3000/health"},
            "port": 3000,
            "depends_on": ["postgres"],
        },
        "postgres": {"manager": {"kind": "docker", "container": "postgres"}},
    },
    "alerts": {
        "ServiceDown": {"severity": "critical", "topic": "service-down"},
        "DiskSlow": {"severity": "warning"},
    },
    "escalation": {
        "service-down": ["On-Call", "Team Lead", "CTO"],
        "any-alert": ["On-Call", "Team Lead"],
    },
    "contacts": {
        "On-Call": ["discord", "pager"],
        "Team Lead": ["mail"],
        "CTO": ["mail"],
        "DBA": ["mail"],
        "Platform Team": ["mail"],
    },
    "specialists": {"database": "DBA", "platform": "Platform Team"},
    "broadcast": ["slack"],
    "channels": {name: {"kind": "log"} for name in ("slack", "discord", "pager", "mail")},
}


@dataclass
class Night:
    """One test's world, server and clock."""

    world: World
    env: WorkflowEnvironment

    async def now(self) -> datetime:
        return await self.env.get_current_time()

    async def alert(self, name: str = "ServiceDown", ago: timedelta = timedelta(), **more: Any) -> Alert:
        """An alert that began so long ago by the server's clock."""
        fields = {"service": "backend", "starts_at": await self.now() - ago, **more}
        return Alert(name=name, **fields)

    async def fire(self, alert: Alert, runbook: str | None = None) -> WorkflowHandle[Any, Review]:
        """Start the run as the intake does."""
        return await self.env.client.start_workflow(
            runbook or alert.name, alert, id=alert.incident_id, task_queue=TASK_QUEUE, result_type=Review
        )

    async def state(self, handle: WorkflowHandle[Any, Review]) -> IncidentState:
        state: IncidentState = await handle.query("state", result_type=IncidentState)
        return state

    async def until(
        self, handle: WorkflowHandle[Any, Review], phase: str, step: timedelta = timedelta(seconds=1)
    ) -> IncidentState:
        """Let the clock run until the incident is in this phase; at most 600 steps."""
        for _ in range(600):
            state = await self.state(handle)
            if state.phase == phase:
                return state
            await self.env.sleep(step)
        raise AssertionError(f"never {phase}: {state.phase}; {[e.text for e in state.timeline]}")

    async def end(self, handle: WorkflowHandle[Any, Review]) -> Review:
        """Let the clock run second by second until the run is closed; its review.

        Waiting for the result would let the clock jump: with nothing left to happen it lands ten
        years later, and every steward times out.
        """
        for _ in range(600):
            if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                with self.env.auto_time_skipping_disabled():
                    return await handle.result()
            await self.env.sleep(1)
        raise AssertionError(f"never closed: {await self.state(handle)}")


@pytest.fixture
async def night() -> AsyncIterator[Night]:
    """A server whose clock runs as fast as the incident lets it."""
    async with contextlib.AsyncExitStack() as stack:
        env = await stack.enter_async_context(
            await WorkflowEnvironment.start_time_skipping(
                test_server_existing_path=SERVER, data_converter=pydantic_data_converter
            )
        )
        await env.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                search_attributes={k.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for k in ALL},
                namespace=env.client.namespace,
            )
        )
        world = World()
        stewardship = StewardshipActivities(env.client)
        configuration = Configuration.model_validate(CONFIGURATION)
        await stack.enter_async_context(
            Worker(
                env.client,
                task_queue=TASK_QUEUE,
                workflows=WORKFLOWS,
                activities=[
                    *world.activities(),
                    PolicyActivities(lambda: configuration).take_policy,
                    stewardship.ask_steward,
                    stewardship.look_at_history,
                    stewardship.read_control_room,
                    stewardship.is_open,
                    stewardship.join_incident,
                    stewardship.await_incident,
                ],
                activity_executor=stack.enter_context(ThreadPoolExecutor(4)),
            )
        )
        yield Night(world, env)
