"""A time-skipping server for each test, with a worker whose outside world is scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.workflows.harness import Harness, open_harness


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    """A harness of its own for each test."""
    async with open_harness() as harness:
        yield harness
