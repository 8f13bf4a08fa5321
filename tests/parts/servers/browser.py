"""A real browser, for what a person sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Error, Page, Route, ViewportSize, async_playwright

from demo.parts.loopback import LOOPBACK, is_installed, program
from tests.parts.requirements import missing

_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
_SIZE = ViewportSize(width=1440, height=1600)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of this machine, without a window."""
    if not is_installed("chromium"):
        missing("chromium is not installed: apt-get install chromium")
    path = program("chromium", hint="apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=_QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """One empty tab; what it waits for, it waits for at most 15 s."""
    context = await chromium.new_context(viewport=_SIZE)
    context.set_default_timeout(60_000)
    await context.route("**/*", _fetched_by_us)
    yield await context.new_page()
    await context.close()


async def _fetched_by_us(route: Route) -> None:
    """Let Playwright fetch it, and only from this machine.

    Chromium itself drops its connections when a network interface comes or goes, as they do
    wherever containers are started.
    """
    if urlsplit(route.request.url).hostname != LOOPBACK:
        await route.abort()
        return
    with suppress(Error):  # the page went on to the next, and waits for this no more
        await route.fulfill(response=await route.fetch())
