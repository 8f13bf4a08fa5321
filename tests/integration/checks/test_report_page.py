"""The page of a report in a real browser: on a phone and a desk, in the light and the dark, and printed."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal, Protocol

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route

from activities.checks.page import page as page_of
from activities.checks.store import Kept
from models.checks.check import Change, ChangeKind
from tests.parts.product.check_reports import check_report
from tests.parts.product.hostile import hostile_items

pytest_plugins = ["tests.parts.servers.browser"]

SIZES = {"phone": (360, 740), "desktop": (1280, 900)}
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 29)"}
CHANGES = (
    Change(kind=ChangeKind.WORSE, item="targets", says="targets was ok and is bad"),
    Change(kind=ChangeKind.MOVED, item="cost", says="cost of the day of cost was 41 USD and is 52.50 USD"),
)
FITS = "document.documentElement.scrollWidth <= innerWidth"
Scheme = Literal["light", "dark"]


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

    async def keep(self, name: str) -> None:
        """A picture for people to look at, in `$CI_OUTPUT` or in `ci-output/`."""
        directory = Path(os.environ.get("CI_OUTPUT", "ci-output"))
        await self.page.screenshot(path=directory / f"check-report-{name}.png", full_page=True)


class Open(Protocol):
    """Opens a page in a tab of its own; `asked` where scripts of ours must ask it."""

    async def __call__(self, path: Path, size: str, scheme: Scheme, *, asked: bool = False) -> Tab: ...


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
        context.set_default_timeout(15_000)
        tab = Tab(await context.new_page())
        await context.route("**/*", tab.route)
        await tab.open(path)
        return tab

    yield open_tab
    for context in contexts:
        await context.close()


def written(directory: Path, kept: Kept) -> Path:
    path = directory / "report.html"
    path.write_text(page_of(kept), encoding="utf-8")
    return path


@pytest.fixture
def report(tmp_path: Path) -> Path:
    kept = Kept(report=check_report(), changes=CHANGES, compared_with="20261125T080000Z-0a0a0a0a")
    return written(tmp_path, kept)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
async def test_it_is_readable_by_everybody(report: Path, opened: Open, size: str, scheme: Scheme) -> None:
    tab = await opened(report, size, scheme, asked=True)
    await tab.keep(f"{size}-{scheme}")
    assert await tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[scheme]
    assert await tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "it scrolls sideways"
    )
    assert await tab.violations() == []


async def test_it_says_in_words_what_it_shows(report: Path, opened: Open) -> None:
    tab = await opened(report, "desktop", "light")
    assert await tab.page.title() == "Daily check of 2026-11-26: bad"
    said = await tab.page.inner_text("main")
    for words in (
        "✗ bad targets",
        "? unknown backups",
        "! attention cost",
        "worse targets was ok and is bad",
    ):
        assert words in " ".join(said.split())
    picture = tab.page.get_by_role("img", name="Cost by day")
    assert await picture.count() == 1
    await tab.page.get_by_text("The numbers of Cost by day").click()
    assert await tab.page.get_by_role("row", name="Wed unknown").is_visible()
    link = tab.page.get_by_role("link", name="Look further: cost")
    assert await link.get_attribute("href") == "https://grafana.example.com/d/costs?orgId=1&from=now-7d"


async def test_it_can_be_printed(report: Path, opened: Open) -> None:
    tab = await opened(report, "desktop", "dark")
    await tab.page.emulate_media(media="print")
    assert await tab.page.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER["light"]
    assert await tab.page.get_by_role("row", name="Wed unknown").is_visible(), "what is folded is printed"
    await tab.keep("printed")
    assert (await tab.page.pdf()).startswith(b"%PDF")


@pytest.mark.parametrize("size", list(SIZES))
async def test_what_an_item_says_stays_text(tmp_path: Path, opened: Open, size: str) -> None:
    items = hostile_items()
    changes = tuple(Change(kind=ChangeKind.NEW, item=one.name, says=one.name) for one in items)
    kept = Kept(report=check_report(*items, by=items[0].name), changes=changes, compared_with="<b>")
    path = written(tmp_path, kept)
    tab = await opened(path, size, "light", asked=True)  # even where no policy would stop a script
    assert await tab.page.evaluate("window.hacked") is None
    assert await tab.page.evaluate("document.querySelectorAll('script,img,iframe,object,b').length") == 0
    on = "[...document.querySelectorAll('*')].some(e => [...e.attributes].some(a => a.name.startsWith('on')))"
    assert await tab.page.evaluate(on) is False
    schemes = "[...new Set([...document.links].map(one => one.protocol))].sort()"
    assert await tab.page.evaluate(schemes) == ["file:", "https:"]
    hosts = "[...new Set([...document.links].map(one => one.host))].sort()"
    assert await tab.page.evaluate(hosts) == ["", "grafana.example.com"]
    assert await tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
        "it scrolls sideways"
    )
    assert await tab.violations() == []


async def test_a_check_that_looked_at_nothing_has_a_page(tmp_path: Path, opened: Open) -> None:
    empty = check_report().model_copy(update={"items": ()})
    tab = await opened(written(tmp_path, Kept(report=empty)), "phone", "light", asked=True)
    assert "there was nothing to look at" in await tab.page.inner_text("header")
    assert await tab.violations() == []
