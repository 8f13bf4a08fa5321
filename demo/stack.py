"""The whole stack of one demo run: Temporal, the services, the worker and the intake."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from demo.checks import history
from demo.checks.around import CheckSurroundings, with_a_past
from demo.configuration import Around, write_configuration
from demo.faults.fault import NETWORKS, SMALL_DISK, Fault
from demo.observed import observed
from demo.parts.docker_engine import why_not_usable
from demo.parts.errors import NotInstalledError, PartError
from demo.parts.loopback import is_installed
from demo.parts.part import Part
from demo.parts.waiting import until
from demo.systems.alertmanager import Alertmanager
from demo.systems.compose import ComposedServices
from demo.systems.disk import SmallDisk
from demo.systems.networked import NetworkedServices
from demo.systems.product import Intake, OneProcess, Worker, command, new_token, product_environment
from demo.systems.prometheus import Prometheus
from demo.systems.services import BACKEND, FIRST_VERSION, Services
from demo.systems.supervisor import SupervisedServices
from demo.systems.surroundings import Surroundings
from demo.systems.temporal import Temporal
from models.incident.stewardship import StewardState
from models.messages import STATE
from models.names import steward_id


async def choose_services(directory: Path, fault: Fault) -> tuple[Services, str]:
    """Containers if a Docker engine can run them, else supervisord; and in words which and why.

    Raises `PartError` where the fault needs what this machine has not.
    """
    if fault.needs == SMALL_DISK:
        return SupervisedServices(directory, SmallDisk(directory)), "supervisord, on a small disk"
    why_not = "docker-compose is not installed"
    if is_installed("docker-compose"):
        why_not = await asyncio.to_thread(why_not_usable)
    if fault.needs == NETWORKS:
        if why_not:
            raise PartError(f"this fault needs containers, but {why_not}")
        return NetworkedServices(directory), "Docker, in networks of their own"
    if why_not:
        return SupervisedServices(directory), f"supervisord, because {why_not}"
    return ComposedServices(directory), "Docker, through Compose"


class Stack(Part):
    """All parts on free ports in one work directory. With `monitored`, Prometheus and Alertmanager
    watch the backend and raise and resolve the alerts themselves. With `observed`, Prometheus watches
    it among all that is around a backend: users, a provider, an orchestrator, Sentry. With
    `one_process`, intake and worker are one process. With `for_a_browser`, its pages open without a token,
    on this machine alone. With `past_days` it is monitored, observed and
    has figures of the past, and there is what the checks look at beside. `brings` are packages of
    runbooks, by their names, and the directory in which each is."""

    def __init__(  # noqa: PLR0913 - each is one way in which a stack differs
        self,
        directory: Path,
        services: Services,
        *,
        stable_for: str = "10s",
        monitored: bool = False,
        observed: bool = False,
        one_process: bool = False,
        for_a_browser: bool = False,
        past_days: int = 0,
        brings: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        self.directory = directory
        self.services = services
        self.temporal = Temporal(directory)
        self.token_file = new_token(directory)
        token_file = None if for_a_browser else self.token_file
        self.environment = product_environment(self.temporal.address, token_file, brings.values())
        self._brings = tuple(brings)
        self.config = directory / "runbooks.yaml"
        kind = OneProcess if one_process else Intake
        self.intake = kind(directory, config=self.config, environment=self.environment)
        self.worker = Worker(directory, config=self.config, environment=self.environment)
        self._product = (self.intake,) if one_process else (self.worker, self.intake)
        self.alertmanager: Alertmanager | None = None
        self.prometheus: Prometheus | None = None
        if monitored or past_days:
            intake, token = self.intake.url, self.token_file
            self.alertmanager = Alertmanager(directory, intake=intake, token_file=token)
        if monitored or observed or past_days:
            self.prometheus = _prometheus(directory, services, self.alertmanager, past_days)
        if self.prometheus and (observed or past_days):
            temporal = self.temporal.address
            services.surroundings = Surroundings(directory, services.backend, temporal, self.prometheus)
            services.pipeline = self.tell_deployed
        self.checked = CheckSurroundings(directory, services.cluster) if past_days else None
        self._stable_for = stable_for
        self._open = AsyncExitStack()

    def page_of(self, incident: str) -> str:
        """The address of its page, for a browser on this machine."""
        return f"{self.intake.url}/incidents/{incident}"

    @property
    def token(self) -> str:
        """The intake's bearer token."""
        return self.token_file.read_text().strip()

    async def start(self) -> None:
        """Start everything; what does not depend on one another comes up side by side."""
        await self._enter(self.temporal)
        if self.services.surroundings:
            await self._enter(self.services.surroundings)
        await self._enter(self.services)
        if self.checked:
            await self._enter(self.checked)
        write_configuration(self.directory, self.services, self._around())
        await self._enter(*self._product)
        await self._enter(*(part for part in (self.alertmanager, self.prometheus) if part))
        if self.services.surroundings:
            await self.until_version_known()

    async def stop(self) -> None:
        await self._open.aclose()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`python starter.py ARGUMENTS…` against this stack."""
        return command(*arguments, config=self.config, environment=self.environment)

    async def tell_deployed(self, version: str) -> None:
        """`starter.py deployed backend VERSION`, as a pipeline ends; a container's image tells it itself."""
        if not isinstance(self.services, ComposedServices):
            done = await asyncio.to_thread(self.command, "deployed", BACKEND, version, "--by", "pipeline")
            if done.returncode != 0:
                raise PartError(f"the deployment could not be told: {done.stderr.strip()}")

    async def until_version_known(self) -> None:
        """Wait until the product knows which version runs, and of an image that it is healthy."""
        await self.tell_deployed(FIRST_VERSION)
        client = await Client.connect(self.temporal.address, data_converter=pydantic_data_converter)
        handle = client.get_workflow_handle(steward_id(BACKEND))

        async def not_known() -> str:
            try:
                state = await handle.query(STATE, result_type=StewardState)
            except RPCError as error:
                return error.message
            known = [one for one in state.deployments if one.current]
            by_image = isinstance(self.services, ComposedServices)
            return "" if known and (known[0].healthy_at or not by_image) else f"it knows {known}"

        await until("the version known", not_known)

    async def _enter(self, *parts: Part) -> None:
        """From here on the parts are ended with the stack, also those that never become ready."""
        try:
            async with asyncio.TaskGroup() as together:
                for part in parts:
                    self._open.push_async_callback(part.stop)
                    together.create_task(part.start())
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    def _around(self) -> Around:
        return Around(
            temporal_ui=self.temporal.ui,
            alertmanager=self.alertmanager.url if self.alertmanager else None,
            prometheus=self.prometheus.url if self.prometheus else None,
            stable_for=self._stable_for,
            backend=self._observed(),
            checks=self.checked.configuration() if self.checked else {},
            runbooks=self._brings,
        )

    def _observed(self) -> dict[str, Any]:
        surroundings = self.services.surroundings
        if surroundings is None:
            return {}
        keys = observed(self.services, surroundings, self.temporal)
        return with_a_past(keys) if self.checked else keys


def _prometheus(
    directory: Path, services: Services, alertmanager: Alertmanager | None, past_days: int
) -> Prometheus:
    if not is_installed("prometheus"):
        raise NotInstalledError("prometheus is not installed: apt-get install prometheus")
    address = alertmanager.url if alertmanager else None
    backend = services.backend.url
    instance = backend.removeprefix("http://")
    samples = partial(history.samples, time.time(), past_days, instance) if past_days else None
    return Prometheus(directory, backend=backend, alertmanager=address, past=samples)
