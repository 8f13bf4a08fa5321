"""Tabs of a real browser in which reports of checks are opened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.parts.product.report_tab import SIZES, Open, Scheme, Tab

pytest_plugins = ["tests.parts.servers.browser"]


@pytest.fixture
async def opened(chromium: Browser) -> AsyncIterator[Open]:
    contexts = []

    async def open_tab(path: Path, size: str, scheme: Scheme, *, asked: bool = False) -> Tab:
        width, height = SIZES[size]
        context = await chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            bypass_csp=asked,  # axe-core is a script, and the page allows none
        )
        contexts.append(context)
        context.set_default_timeout(60_000)
        tab = Tab(await context.new_page())
        await context.route("**/*", tab.route)
        await tab.open(path)
        return tab

    yield open_tab
    for context in contexts:
        await context.close()
