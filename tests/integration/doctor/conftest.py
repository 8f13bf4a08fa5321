"""A Temporal of its own, which a test may fill with workers of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.parts.product.intake import TemporalServer


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    server = TemporalServer(tmp_path_factory.mktemp("temporal"))
    await server.start()
    yield server
    await server.kill()
