"""The watch of deployments outlives whatever goes wrong at one service."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import httpx
from temporalio.client import Client

from activities.health.probe import HealthActivities
from activities.managers import Managers
from activities.managers.process_seen import ProcessSeen
from activities.service.processes import ProcessActivities
from models.configuration.configuration import Configuration
from models.service.service import Service
from runtime.deployments import DeploymentWatch
from tests.parts.product.signing import SIGNER
from tests.workflows.configuration import CONFIGURATION
from workflows.runbooks.registry import NAMES


class Mistaken(ProcessActivities):
    """Fails in our own code at one of two services."""

    def __init__(self) -> None:
        super().__init__(Managers())
        self.looked: list[str] = []
        self.thrice = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def look_at_process(self, service: Service) -> ProcessSeen:
        self.looked.append(service.name)
        if self.looked.count("postgres") == 3:
            self._loop.call_soon_threadsafe(self.thrice.set)
        if service.name == "backend":
            raise KeyError("image")
        return ProcessSeen(reason="not seen")


async def test_a_mistake_at_one_service_or_in_the_configuration_does_not_end_the_watch() -> None:
    client = await Client.connect("localhost:7233", lazy=True)
    mistakes = [KeyError("services")]

    def configuration() -> Configuration:
        if mistakes:
            raise mistakes.pop()
        return Configuration.of(CONFIGURATION, NAMES)

    processes = Mistaken()
    async with httpx.AsyncClient() as http:
        watch = DeploymentWatch(
            client, processes, HealthActivities(http), SIGNER, every=timedelta(milliseconds=1)
        )
        going = asyncio.create_task(watch.run(configuration, None))
        async with asyncio.timeout(60):
            await processes.thrice.wait()
        going.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await going
    assert processes.looked[:4] == ["backend", "postgres", "backend", "postgres"]
