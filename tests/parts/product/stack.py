"""The demo's stack as fixtures: the services under each manager, and the whole stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from demo.parts.docker_engine import why_not_usable
from demo.stack import Stack
from demo.systems.compose import ComposedServices
from demo.systems.services import Services
from demo.systems.supervisor import SupervisedServices
from tests.parts.requirements import missing

MANAGERS = ("supervisord", "docker")


async def services_under(manager: str, directory: Path) -> Services:
    """The services, not started yet. Skips the test when no Docker engine can run them."""
    if manager == "supervisord":
        return SupervisedServices(directory)
    if why_not := await asyncio.to_thread(why_not_usable):
        missing(why_not)
    return ComposedServices(directory)


@asynccontextmanager
async def running_stack(
    directory: Path, manager: str = "supervisord", *, stable_for: str = "3s", monitored: bool = False
) -> AsyncIterator[Stack]:
    """The whole stack, ready; everything is ended on the way out."""
    services = await services_under(manager, directory)
    async with Stack(directory, services, stable_for=stable_for, monitored=monitored) as stack:
        yield stack


@pytest.fixture(scope="module", params=MANAGERS)
async def module_services(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    """The services under each manager in turn, started once a module. Tests take `services`."""
    async with await services_under(request.param, tmp_path_factory.mktemp(request.param)) as services:
        yield services


@pytest.fixture
async def services(module_services: Services) -> Services:
    """The services, both healthy again whatever the test before did to them."""
    await module_services.become_healthy()
    return module_services
