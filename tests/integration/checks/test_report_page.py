"""The page of a report in a real browser: on a phone and a desk, in the light and the dark, and printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities.checks.page import page as page_of
from activities.checks.store import Kept
from models.checks.check import Change, ChangeKind
from tests.parts.product.check_reports import check_report
from tests.parts.product.hostile import hostile_items
from tests.parts.product.report_tab import PAPER, SCHEMES, SIZES, Open, Scheme

pytest_plugins = ["tests.parts.servers.report_tabs"]

CHANGES = (
    Change(kind=ChangeKind.WORSE, item="targets", says="targets was ok and is bad"),
    Change(kind=ChangeKind.MOVED, item="cost", says="cost of the day of cost was 41 USD and is 52.50 USD"),
)


def written(directory: Path, kept: Kept) -> Path:
    path = directory / "report.html"
    path.write_text(page_of(kept), encoding="utf-8")
    return path


@pytest.fixture
def report(tmp_path: Path) -> Path:
    kept = Kept(report=check_report(), changes=CHANGES, compared_with="20261125T080000Z-0a0a0a0a")
    return written(tmp_path, kept)


@pytest.mark.parametrize("scheme", SCHEMES)
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
