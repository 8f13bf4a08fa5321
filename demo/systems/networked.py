"""The services as containers in networks of their own, the backend behind a balancer.

Nothing is on the host's network here: the backend finds PostgreSQL by its name in the network that
both are on, and may run more than once.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from demo.parts.docker_engine import engine
from demo.parts.loopback import LOOPBACK
from demo.systems.balancer import Balancer
from demo.systems.compose import ComposedServices
from demo.systems.services import BACKEND, POSTGRES

_PERIOD, _QUOTA = 100_000, 3_000
"""Microseconds: of each tenth of a second a narrow container may use so much. A busy machine has that."""

_INJECT = "import sys, urllib.request as u; u.urlopen(u.Request(sys.argv[1], method='POST'), timeout=5)"


class NetworkedServices(ComposedServices):
    """The backend is on the networks `default` and `data`, PostgreSQL on `data` only."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.data_network = f"{self.project}_data"
        self._balancer = Balancer(self.backend.port, self._addresses)

    async def start(self) -> None:
        await self._balancer.start()
        await super().start()

    async def stop(self) -> None:
        try:
            await super().stop()
        finally:
            await self._balancer.stop()

    def container_of(self, service: str) -> str:
        """The name that Compose gives; a name of its own would forbid a second backend."""
        return f"{self.project}-{service}-1"

    def more_about(self, service: str) -> dict[str, Any]:
        if service == POSTGRES:
            return {"network": self.data_network}
        return {"network": self.data_network, "scale": {"max_replicas": 2}, "port": None}

    async def inject(self, fault: str) -> None:
        """From inside its container: it takes faults from its own machine only."""
        url = f"http://{LOOPBACK}:{self.backend.port}/faults/{fault}"
        await asyncio.to_thread(self._exec, [sys.executable, "-c", _INJECT, url])

    async def disconnect(self, service: str) -> None:
        """Take the container off the network `data`."""
        await asyncio.to_thread(self._disconnect, service)

    async def narrow(self, service: str) -> None:
        """Allow the container very little CPU, which its file does not limit."""
        await asyncio.to_thread(self._narrow, service)

    async def recreate_backend(self) -> None:
        await self._run("up", "--detach", "--no-deps", "--force-recreate", "--scale", f"{BACKEND}=1", BACKEND)

    async def is_as_described(self) -> bool:
        as_described = await super().is_as_described()
        return as_described and await asyncio.to_thread(self._stands_as_described)

    def _project(self, version: str) -> dict[str, Any]:
        described = super()._project(version)
        backend, postgres = described["services"][BACKEND], described["services"][POSTGRES]
        for service in (backend, postgres):
            del service["container_name"], service["network_mode"]
        backend["networks"] = ["default", "data"]
        backend["environment"] = {
            **backend["environment"],
            "HOST": "0.0.0.0",
            "DATABASE_URL": self.cluster.url.replace(LOOPBACK, POSTGRES),
        }
        port = self.cluster.port
        postgres["networks"] = ["data"]
        postgres["ports"] = [f"{LOOPBACK}:{port}:{port}"]
        postgres["command"] = [*postgres["command"], "-c", "listen_addresses=*"]
        return {**described, "networks": {"data": {}}}

    def _addresses(self) -> list[str]:
        """Where the backend's containers can be reached."""
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={BACKEND}"]
        network = f"{self.project}_default"
        with engine() as client:
            found = client.containers.list(filters={"label": labels})
            networks = [container.attrs["NetworkSettings"]["Networks"] for container in found]
        return [f"{one[network]['IPAddress']}:{self.backend.port}" for one in networks if network in one]

    def _exec(self, argv: list[str]) -> None:
        with engine() as client:
            done = client.containers.get(self.container_of(BACKEND)).exec_run(argv)
        if done.exit_code != 0:
            raise RuntimeError(f"{argv[-1]} failed: {done.output!r}")

    def _narrow(self, service: str) -> None:
        with engine() as client:
            client.containers.get(self.container_of(service)).update(cpu_period=_PERIOD, cpu_quota=_QUOTA)

    def _disconnect(self, service: str) -> None:
        with engine() as client:
            client.networks.get(self.data_network).disconnect(self.container_of(service))

    def _stands_as_described(self) -> bool:
        with engine() as client:
            container = client.containers.get(self.container_of(BACKEND))
        attached = self.data_network in container.attrs["NetworkSettings"]["Networks"]
        return attached and len(self._addresses()) == 1
