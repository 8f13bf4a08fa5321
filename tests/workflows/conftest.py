"""A time-skipping server for each test, with a worker whose outside world is scripted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.workflows.night import Night, open_night


@pytest.fixture
async def night() -> AsyncIterator[Night]:
    """A night of its own for each test."""
    async with open_night() as night:
        yield night
