"""A page of the intake in a real browser: what a person does there, and what it fetched and said."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

from tests.parts.product.report_tab import FITS, PAPER, Scheme


class ViewTab:
    """One tab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url
        self.fetched: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.fetched.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self._url}{path}")

    async def sign_in(self, token: str, place: str = "/") -> None:
        """From the page that asks for a token, as a person does."""
        await self.open(place)
        await self.page.get_by_label("Your token").fill(token)
        await self.page.get_by_role("button", name="Sign in").click()

    @property
    def other_hosts(self) -> set[str]:
        """Where it asked anybody but the intake."""
        return {url for url in self.fetched if urlsplit(url).netloc != urlsplit(self._url).netloc}

    async def text(self) -> str:
        return " ".join((await self.page.inner_text("main")).split())

    async def is_for_everybody(self, scheme: Scheme, name: str) -> None:
        """Readable without scrolling sideways, in its colours; axe-core finds nothing. A picture is kept."""
        directory = Path(os.environ.get("CI_OUTPUT", "ci-output"))
        await self.page.screenshot(path=directory / f"view-{name}.png", full_page=True)
        assert await self.page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[scheme]
        assert await self.page.evaluate(FITS), "it scrolls sideways"
        found = (await Axe().run(self.page)).response["violations"]
        assert found == [], [(one["id"], one["nodes"][0]["html"]) for one in found]
        assert self.other_hosts == set()
