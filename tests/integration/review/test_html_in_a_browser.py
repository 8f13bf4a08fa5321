"""The review's HTML file in a real browser: on a phone and a desk, in the light and the dark, and hostile."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from activities.review.reviews import ReviewActivities
from models.incident.review import Review
from tests.parts.product.hostile import SCRIPT
from tests.parts.product.report_tab import SCHEMES, SIZES, Open, Scheme
from tests.unit.activities.review.test_html_page import WHOLE, hostile

pytest_plugins = ["tests.parts.servers.report_tabs"]

BAR = "getComputedStyle(document.querySelector('.chart .s2 rect')).fill"
"""Of what was waited for by people."""
COLOURS = {"light": "rgb(176, 106, 18)", "dark": "rgb(224, 173, 90)"}


def kept(directory: Path, review: Review) -> Path:
    return Path(ReviewActivities(directory).keep(review).path).with_suffix(".html")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", list(SIZES))
async def test_it_is_readable_by_everybody(tmp_path: Path, opened: Open, size: str, scheme: Scheme) -> None:
    tab = await opened(kept(tmp_path, WHOLE), size, scheme, asked=True)
    await tab.page.get_by_text("The same as a table").first.click()
    await tab.is_for_everybody(size, scheme, "review")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_its_policy_lets_its_own_style_and_the_chart_says_the_same_in_words(
    tmp_path: Path, opened: Open, scheme: Scheme
) -> None:
    tab = await opened(kept(tmp_path, WHOLE), "desktop", scheme)
    await expect(tab.page.get_by_role("img", name="Where the time went")).to_be_visible()
    assert await tab.page.evaluate(BAR) == COLOURS[scheme]
    await tab.page.get_by_text("The same as a table").first.click()
    await expect(tab.page.get_by_role("cell", name="waiting for a decision, for 44 s")).to_be_visible()
    assert tab.said == [], "nothing was refused"


async def test_nothing_that_others_wrote_is_done(tmp_path: Path, opened: Open) -> None:
    tab = await opened(kept(tmp_path, hostile(SCRIPT)), "desktop", "light", asked=True)
    assert await tab.page.evaluate("window.hacked") is None
    assert await tab.page.locator("main script, main img, main iframe").count() == 0
    assert len(tab.fetched) == 1
