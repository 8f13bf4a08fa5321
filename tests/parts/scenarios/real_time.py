"""Real runbooks in a scripted world, on a server whose clock is the real one: for what a person follows."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from models.incident.search_attributes import ALL
from tests.workflows.harness import Harness, hosted
from tests.workflows.world import World


@asynccontextmanager
async def in_real_time() -> AsyncIterator[Harness]:
    """A harness with a worker that runs."""
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    local = await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary, data_converter=pydantic_data_converter, search_attributes=ALL
    )
    async with local as env:
        harness = Harness(World(), env)
        async with hosted(env.client, harness.world, lambda: harness.configuration):
            yield harness
