"""What workflows are tested in: a time-skipping server, a worker, and a scripted world outside."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.incidents.control_room import Concerned, ControlRoomActivities
from activities.incidents.policy import PolicyActivities
from activities.incidents.stewardship import StewardshipActivities
from activities.orders.bounded_answers import BoundedAnswers
from activities.people.keys import SigningKeys
from activities.people.signatures import SignatureActivities
from models.configuration.configuration import Configuration
from models.evidence.deployment import Deployment
from models.incident.alert import Alert, AlertStatus
from models.incident.incident import IncidentState
from models.incident.order import DeploymentTold
from models.incident.review import Review
from models.incident.stewardship import Answered, Ask, Release, StewardState
from models.names import TASK_QUEUE, steward_id, verification_queue_of
from runtime.deployments import tell_steward
from runtime.hosted.activities import activities_of
from runtime.people.orders import WORKER
from runtime.search_attributes import register_search_attributes
from runtime.systems.runs import RUNNER
from tests.parts.product.signing import SIGNER
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.world import World
from workflows.record.guarded_messages import GuardedMessages
from workflows.runbooks.classes import WORKFLOWS
from workflows.runbooks.registry import NAMES

SERVER = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent)) or shutil.which(
    "temporal-test-server"
)
IDENTITY = "scripted-world"
STEPS = 600
SECOND = timedelta(seconds=1)
AT_ONCE, PARTS = timedelta(seconds=97), 50
"""The clock in one call, and the most calls: each has 30 s, and much may be looked at meanwhile."""
SHUT_DOWN_WITHIN = 60
"""Seconds."""

Incident = WorkflowHandle[Any, Review]


@dataclass
class Harness:
    """One test's world, server and clock."""

    world: World
    env: WorkflowEnvironment
    configuration: Configuration = field(default_factory=lambda: Configuration.of(CONFIGURATION, NAMES))

    def configure(self, **changes: Any) -> None:
        """Change the configuration in force; incidents that are open keep theirs."""
        self.configuration = Configuration.of(merged(CONFIGURATION, changes), NAMES)

    async def now(self) -> datetime:
        return await self.env.get_current_time()

    async def alert(self, name: str = "ServiceDown", ago: timedelta = timedelta(), **more: Any) -> Alert:
        """An alert that began so long ago by the server's clock."""
        fields = {"service": "backend", "starts_at": await self.now() - ago, **more}
        return Alert(name=name, **fields)

    async def fire(self, alert: Alert, runbook: str | None = None, **options: Any) -> Incident:
        """Start the run as the intake does."""
        self.world.fired.append(alert.incident_id)
        return await self.env.client.start_workflow(
            runbook or self.configuration.runbook_for(alert.name),
            alert,
            id=alert.incident_id,
            task_queue=TASK_QUEUE,
            result_type=Review,
            **options,
        )

    async def resolve(self, handle: Incident) -> None:
        """The alert's source says that it is over, and the process of the service runs again."""
        self.world.process = self.world.database_process = sights.RUNNING
        alert = (await self.state(handle)).alert
        await handle.signal("alert_changed", alert.model_copy(update={"status": AlertStatus.RESOLVED}))

    def incident(self, name: str) -> Incident:
        """An incident that something else started."""
        return self.env.client.get_workflow_handle(name, result_type=Review)

    async def state(self, handle: Incident) -> IncidentState:
        state: IncidentState = await handle.query("state", result_type=IncidentState)
        return state

    async def sleep(self, duration: timedelta | float) -> None:
        """Let the clock run, for days as well, however slow the machine is: one call has 30 s."""
        duration = duration if isinstance(duration, timedelta) else timedelta(seconds=duration)
        if duration <= AT_ONCE:
            await self.env.sleep(duration)
            return
        until = await self.now() + duration
        while (left := until - await self.now()) > timedelta():
            await self.env.sleep(min(left, max(AT_ONCE, duration / PARTS)))

    async def until(self, handle: Incident, phase: str, step: timedelta = SECOND) -> IncidentState:
        """Let the clock run until the incident is in this phase; at most 600 steps."""
        for _ in patience():
            state = await self.state(handle)
            if state.phase == phase:
                return state
            await self.env.sleep(step)
        raise AssertionError(f"never {phase}: {state.phase}; {[e.text for e in state.timeline]}")

    async def until_it_waits(self, handle: Incident) -> IncidentState:
        """Let the clock run until the incident lets time pass, or asked a person to do something."""
        for _ in patience():
            state = await self.state(handle)
            if state.waits_for:
                return state
            await self.env.sleep(SECOND)
        raise AssertionError(f"it never waits: {[entry.text for entry in state.timeline]}")

    async def until_true(self, true: Callable[[], bool]) -> None:
        """Let the clock run until it is true of the world; at most 600 steps."""
        for _ in patience():
            if true():
                return
            await self.env.sleep(SECOND)
        raise AssertionError(f"never true; done: {self.world.done}; called: {self.world.called}")

    async def end(self, handle: Incident) -> Review:
        """Let the clock run second by second until the run is closed; its review.

        Waiting for the result would let the clock jump: with nothing left to happen it lands ten
        years later, and every steward times out.
        """
        for _ in patience():
            if (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING:
                with self.env.auto_time_skipping_disabled():
                    return await handle.result()
            await self.env.sleep(SECOND)
        raise AssertionError(f"never closed: {await self.state(handle)}")

    async def closes(self, handle: Incident) -> Review:
        """The review of an escalated incident, once a person says that it is done."""
        await handle.signal("done")
        return await self.end(handle)

    def steward(self, service: str = "backend") -> WorkflowHandle[Any, Any]:
        return self.env.client.get_workflow_handle(steward_id(service))

    async def book(self, service: str = "backend") -> StewardState:
        """What the steward of the service remembers."""
        state: StewardState = await self.steward(service).query("state", result_type=StewardState)
        return state

    async def deployed(self, *deployments: Deployment) -> None:
        """Let the steward of the backend know its versions, the oldest first."""
        for one in deployments:
            told = DeploymentTold.model_validate(dict(one))
            await tell_steward(self.env.client, told, WORKER, SIGNER)
            await self._until_known(one)

    async def _until_known(self, told: Deployment) -> None:
        for _ in patience():
            if any(one.version == told.version for one in (await self.book(told.service)).deployments):
                return
            await asyncio.sleep(0.01)  # between two looks of a bounded wait
        raise AssertionError(f"it never heard of {told.version}")


class RoomActivities(ControlRoomActivities):
    """Those of the control room, on a server that cannot list what is open."""

    def __init__(self, client: Client, configuration: Callable[[], Configuration], world: World) -> None:
        super().__init__(client, configuration)
        self._world = world

    async def _open(self, concerned: Concerned) -> AsyncIterator[str]:
        for name in dict.fromkeys(self._world.fired):
            alert, _, service = name.partition("/")
            if concerned.alert in (None, alert) and concerned.service in (None, service):
                yield name


class HeldStewardship(StewardshipActivities):
    """Those of the stewards, who may take long to answer."""

    def __init__(self, client: Client, world: World) -> None:
        super().__init__(client)
        self._world = world

    @activity.defn
    async def ask_steward(self, ask: Ask) -> Answered:
        self._world.stewards.append(ask.service)
        await self._world.passes("ask_steward")
        return await super().ask_steward(ask)

    @activity.defn
    async def release_service(self, release: Release) -> bool:
        if "release_service" in self._world.broken_looks:
            raise RuntimeError("the worker at hand cannot reach Temporal")
        return await super().release_service(release)


def patience() -> Iterator[int]:
    """Steps of the clock, for no more than two minutes of real time: a red test ends."""
    until = time.monotonic() + 120
    return itertools.takewhile(lambda _: time.monotonic() < until, range(STEPS))


@contextlib.asynccontextmanager
async def hosted(
    client: Client,
    world: World,
    configuration: Callable[[], Configuration],
    *,
    slots: int = 100,
    workflows: Sequence[type[object]] = WORKFLOWS,
    real: Sequence[Callable[..., Any]] = (),
) -> AsyncIterator[None]:
    """Workers of the product's workflows in a scripted world, each with so many activity slots.

    `real` are activities that the world leaves to the product.
    """
    ours = activities_of(
        PolicyActivities(configuration, client),
        HeldStewardship(client, world),
        RoomActivities(client, configuration, world),
        SignatureActivities(SigningKeys(configuration)),
    )
    with ThreadPoolExecutor(slots) as threads:
        both: dict[str, Any] = {
            "identity": IDENTITY,
            "activities": [*world.activities(), *ours, *real],
            "activity_executor": threads,
            "max_concurrent_activities": slots,
            "max_heartbeat_throttle_interval": timedelta(milliseconds=1),
        }
        async with (
            _working(
                Worker(
                    client,
                    task_queue=TASK_QUEUE,
                    workflows=workflows,
                    workflow_runner=RUNNER,
                    interceptors=[GuardedMessages(), BoundedAnswers()],
                    **both,
                )
            ),
            _working(Worker(client, task_queue=verification_queue_of(None), **both)),
        ):
            yield


@contextlib.asynccontextmanager
async def _working(worker: Worker) -> AsyncIterator[None]:
    """While it works. One whose shutdown does not end fails its test, and holds up no other."""
    await worker.__aenter__()
    try:
        yield
    finally:
        async with asyncio.timeout(SHUT_DOWN_WITHIN):
            await worker.__aexit__(None, None, None)


@contextlib.asynccontextmanager
async def open_harness(world: World | None = None, **options: Any) -> AsyncIterator[Harness]:
    """A server whose clock runs as fast as the incident lets it, with a worker; options as of `hosted`."""
    env = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=SERVER, data_converter=pydantic_data_converter, identity=IDENTITY
    )
    async with env:
        await register_search_attributes(env.client)
        harness = Harness(world or World(), env)
        async with hosted(env.client, harness.world, lambda: harness.configuration, **options):
            yield harness
