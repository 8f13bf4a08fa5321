"""A real Temporal for the schedules of the checks."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.parts.product.intake import TemporalServer


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    server = TemporalServer(tmp_path_factory.mktemp("temporal"))
    await server.start()
    yield server
    await server.kill()


@pytest.fixture(scope="module")
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()
