"""While a person writes a proposal, the page follows its incident around it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from models.incident.incident import Spoken, Through
from models.messages import DONE, NOTE
from tests.integration.people.test_forgeries import Product
from tests.integration.people.test_proposals import hung
from tests.integration.views.conftest import OpenTab
from tests.integration.views.proposals.test_form import RESTART, opened_by, write
from tests.parts.product.intake import Intake
from tests.parts.product.signing import tell
from tests.workflows.harness import Incident

pytest_plugins = ["tests.parts.servers.browser"]

GONE = "What you are writing is not taken any more"


async def bert_says(incident: Incident, message: str, text: str) -> None:
    await tell(incident, message, Spoken(by="bert", through=Through.INTAKE, text=text))


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_what_is_being_written_stays(
    intake: Intake, product: Product, tab: OpenTab, elsewhere: bool
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(), incident)
    await write(opened, RESTART, "pool is stuck", "2")
    why = opened.page.get_by_label("Why, for the person who decides")
    note = opened.page.get_by_label("A note for everybody")
    await note.fill("I look at it")
    if elsewhere:
        await opened.page.get_by_role("button", name="I have it").focus()
    else:
        await why.press("Home")
    await bert_says(incident, NOTE, "so do I")
    await expect(opened.page.get_by_text("so do I")).to_be_visible()
    if not elsewhere:
        await opened.page.keyboard.type("the ")
    await expect(why).to_have_value("pool is stuck" if elsewhere else "the pool is stuck")
    await expect(note).to_have_value("I look at it")
    await expect(opened.page.get_by_label("How much (to)")).to_have_value("2")
    await expect(opened.page.get_by_label("Action", exact=True).locator("option:checked")).to_have_text(
        RESTART
    )
    assert opened.said == []


async def test_a_form_that_is_written_into_goes_away_when_its_writer_says_so(
    intake: Intake, product: Product, tab: OpenTab
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(), incident)
    await write(opened, RESTART, "the pool is stuck")
    await bert_says(incident, DONE, "it was the pool")
    await expect(opened.page.get_by_role("alert")).to_contain_text(GONE)
    why = opened.page.get_by_label("Why, for the person who decides")
    await expect(why).to_have_value("the pool is stuck")
    await opened.page.get_by_role("link", name="Show what changed").click()
    await expect(why).to_have_count(0)
    await expect(opened.page.get_by_text(GONE)).to_be_hidden()


async def test_where_it_was_closed_meanwhile_the_refusal_says_so(
    intake: Intake, product: Product, tab: OpenTab
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(script=False), incident)
    await write(opened, RESTART, "the pool is stuck")
    await bert_says(incident, DONE, "it was the pool")
    await incident.result()
    await opened.page.get_by_role("button", name="Propose it").click()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("Not done")
