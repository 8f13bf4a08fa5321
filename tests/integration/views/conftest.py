"""An intake with stand-in incidents, and tabs of a real browser that look at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser
from temporalio.client import Client

from tests.integration.intake.conftest import client, config, temporal
from tests.parts.product.intake import SENDER, Intake, TemporalServer, environment, intake_process
from tests.parts.product.report_tab import SIZES, Scheme
from tests.parts.product.view_tab import ViewTab

__all__ = ["client", "config", "temporal"]

OpenTab = Callable[..., Awaitable[ViewTab]]


@pytest.fixture(scope="module")
async def intake(
    temporal: TemporalServer, client: Client, config: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Intake]:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text(SENDER)
    variables = environment(temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))
    async with intake_process(config, variables) as running:
        yield running


@pytest.fixture
async def tab(chromium: Browser, intake: Intake) -> AsyncIterator[OpenTab]:
    """Opens a new tab: nobody is signed in there."""
    contexts = []

    async def opened(
        size: str = "phone", scheme: Scheme = "light", *, script: bool = True, asked: bool = False
    ) -> ViewTab:
        width, height = SIZES[size]
        context = await chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=script,
            bypass_csp=asked,  # axe-core is a script of ours
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        return ViewTab(await context.new_page(), intake.url)

    yield opened
    for context in contexts:
        await context.close()
