"""A report in a real browser, as people open it; and what axe-core finds in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Protocol

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Route

SIZES = {"phone": (360, 740), "desktop": (1280, 900)}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 29)"}
FITS = "document.documentElement.scrollWidth <= innerWidth"


class Tab:
    """One tab, and what it fetched and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.fetched: list[str] = []
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: self.said.append(dialog.message))

    async def route(self, route: Route) -> None:
        self.fetched.append(route.request.url)
        await (route.continue_() if route.request.url.startswith("file:") else route.abort())

    async def open(self, path: Path) -> None:
        await self.page.goto(path.as_uri())
        assert self.fetched == [path.as_uri()]
        assert self.said == []

    async def violations(self) -> list[tuple[str, str]]:
        """What axe-core finds: the rule, and the first place."""
        found = (await Axe().run(self.page)).response["violations"]
        return [(one["id"], one["nodes"][0]["html"]) for one in found]

    async def is_for_everybody(self, size: str, scheme: Scheme, name: str) -> None:
        """Readable without scrolling sideways, in its colours; axe-core finds nothing. A picture is kept."""
        await self.keep(f"{name}-{size}-{scheme}")
        assert await self.page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[scheme]
        assert await self.page.evaluate(FITS), "it scrolls sideways"
        assert (found := await self.violations()) == [], found

    async def keep(self, name: str) -> None:
        """A picture for people to look at, in `$CI_OUTPUT` or in `ci-output/`."""
        directory = Path(os.environ.get("CI_OUTPUT", "ci-output"))
        await self.page.screenshot(path=directory / f"check-report-{name}.png", full_page=True)


class Open(Protocol):
    """Opens a page in a tab of its own; `asked` where scripts of ours must ask it."""

    async def __call__(self, path: Path, size: str, scheme: Scheme, *, asked: bool = False) -> Tab: ...
