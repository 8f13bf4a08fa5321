"""Real runbooks in a scripted world, behind an intake that a browser looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import yaml
from temporalio.testing import WorkflowEnvironment

from tests.integration.people.test_forgeries import product, server
from tests.parts.product.intake import SENDER, Intake, environment, intake_process
from tests.workflows.configuration import CONFIGURATION, merged

__all__ = ["product", "server"]


@pytest.fixture(scope="module")
async def intake(
    server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Intake]:
    """Its file names the same services as that of the worker, and anna, who decides by a token."""
    directory = tmp_path_factory.mktemp("intake")
    config, token = directory / "runbooks.yaml", directory / "token"
    people = {"intake": {"people": {"anna": {"env": "ANNA_TOKEN"}}}}
    config.write_text(yaml.safe_dump(merged(CONFIGURATION, people)))
    token.write_text(SENDER)
    address = server.client.service_client.config.target_host
    async with intake_process(
        config, environment(address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token), DATABASE_URL="")
    ) as running:
        yield running
