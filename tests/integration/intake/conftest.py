"""A Temporal with stand-in incidents, and a configuration, for tests of the intake and the commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.parts.product.intake import CONFIGURATION, TemporalServer, stand_in_worker


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    server = TemporalServer(tmp_path_factory.mktemp("temporal"))
    await server.start()
    yield server
    await server.kill()


@pytest.fixture(scope="module")
async def client(temporal: TemporalServer) -> AsyncIterator[Client]:
    client = await temporal.client()
    async with stand_in_worker(client):
        yield client


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "runbooks.yaml"
    path.write_text(CONFIGURATION)
    return path
