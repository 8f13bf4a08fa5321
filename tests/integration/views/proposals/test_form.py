"""A person proposes an action at an incident's page, in a real browser; and one without script."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from models.catalogue.line import Became
from models.incident.incident import Outcome
from tests.integration.people.test_forgeries import Product, state_of, until
from tests.integration.people.test_proposals import hung
from tests.integration.views.conftest import OpenTab
from tests.parts.product.intake import ANNA, SENDER, Intake
from tests.parts.product.intake import until as shortly
from tests.parts.product.report_tab import SCHEMES, SIZES, Scheme
from tests.parts.product.view_tab import ViewTab
from tests.workflows import sights
from tests.workflows.harness import Incident
from tests.workflows.proposals.offering import a_proposal, propose

pytest_plugins = ["tests.parts.servers.browser"]

STUCK = "the pool is stuck, <b>see the log</b>"
RESTART = "restart-service of backend"


async def opened_by(opened: ViewTab, incident: Incident, token: str = ANNA) -> ViewTab:
    await opened.sign_in(token, f"/incidents/{incident.id}")
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text(incident.id)
    opened.said.clear()  # a browser complains of the 401 of the page that asks for the token
    return opened


async def write(opened: ViewTab, what: str, text: str = "", to: str = "") -> None:
    await opened.page.get_by_label("Action", exact=True).select_option(label=what)
    await opened.page.get_by_label("Why, for the person who decides").fill(text)
    await opened.page.get_by_label("How much (to)").fill(to)


async def loaded_again_until(opened: ViewTab, shown: Locator) -> None:
    """As a person does without script: many viewers share what is a moment old."""

    async def shows() -> bool:
        await opened.page.get_by_role("link", name="load it again").click()
        return await shown.count() > 0

    await shortly(shows)


async def press(opened: ViewTab) -> None:
    await opened.page.get_by_role("button", name="Propose it").click()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", list(SIZES))
async def test_the_form_is_for_everybody(
    intake: Intake, product: Product, tab: OpenTab, size: str, scheme: Scheme
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(size, scheme, asked=True), incident)
    await opened.is_for_everybody(scheme, f"propose-{size}-{scheme}")
    assert opened.said == []
    await write(opened, RESTART, STUCK, "3")
    await press(opened)
    await expect(opened.page.get_by_role("alert")).to_contain_text("restart-service has no setting to")
    await expect(opened.page.get_by_label("How much (to)")).to_be_focused()
    await opened.is_for_everybody(scheme, f"propose-wrong-{size}-{scheme}")


@pytest.mark.parametrize("script", [True, False])
async def test_what_a_person_proposes_is_approved_and_heals(
    intake: Intake, product: Product, tab: OpenTab, script: bool
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(script=script), incident)
    await write(opened, RESTART, STUCK)
    await press(opened)
    await expect(opened.page.get_by_text(f"anna: {RESTART} (open)")).to_be_visible()
    await until(incident, lambda state: state.awaiting is not None)
    why = opened.page.get_by_text(f"anna proposed it: {STUCK}")
    if script:
        show_it = opened.page.get_by_role("link", name="Show it")
        await expect(why.or_(show_it)).to_be_visible()
        if await show_it.is_visible():  # the question came after the page
            await show_it.click()
    else:
        await loaded_again_until(opened, why)
    await expect(why).to_be_visible()
    await expect(opened.page.get_by_role("button", name="Propose it")).to_have_count(0)
    product.world.port = sights.FREE_PORT
    await opened.page.get_by_role("button", name="Approve").click()
    review = await incident.result()
    assert (review.outcome, product.world.done) == (Outcome.RESOLVED, ["restart backend"])
    assert (review.performed[-1].approved_by, review.performed[-1].plan.proposed_by) == ("anna", "anna")
    await opened.open(f"/incidents/{incident.id}")
    await expect(opened.page.get_by_role("heading", name="Propose an action")).to_have_count(0)


@pytest.mark.parametrize(
    ("what", "to", "says"),
    [
        (RESTART, "3", "restart-service has no setting to: leave it empty"),
        ("raise-memory-limit of backend", "many", "to: 'many' is not a size: write it like 512m or 4g"),
        ("raise-memory-limit of postgres", "1", "to: input should be greater than or equal to 1048576"),
    ],
)
async def test_a_bad_entry_stays_as_it_was_written_and_says_the_cure(
    intake: Intake, product: Product, tab: OpenTab, what: str, to: str, says: str
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(script=False), incident)
    await write(opened, what, STUCK, to)
    await press(opened)
    await expect(opened.page.get_by_role("alert")).to_contain_text(f"Not proposed: {says}")
    await expect(opened.page).to_have_title(f"Not proposed: escalated: {incident.id}")
    await expect(opened.page.get_by_label("Action", exact=True).locator("option:checked")).to_have_text(what)
    await expect(opened.page.get_by_label("How much (to)")).to_have_value(to)
    await expect(opened.page.get_by_label("Why, for the person who decides")).to_have_value(STUCK)
    assert (await state_of(incident)).proposals == ()
    await opened.page.get_by_role("link", name="load it again").click()
    await expect(opened.page.get_by_role("alert")).to_have_count(0)


async def test_what_the_incident_refuses_stays_as_it_was_written(
    intake: Intake, product: Product, tab: OpenTab
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(script=False), incident)
    await write(opened, RESTART, STUCK)
    await propose(incident, a_proposal())
    await press(opened)
    await expect(opened.page.get_by_role("alert")).to_contain_text("Not proposed: ")
    await expect(opened.page.get_by_label("Why, for the person who decides")).to_have_value(STUCK)
    assert [one.by for one in (await state_of(incident)).proposals] == ["ada"]


async def test_what_was_denied_a_person_proposes_again(
    intake: Intake, product: Product, tab: OpenTab
) -> None:
    incident = await hung(product)
    opened = await opened_by(await tab(script=False), incident)
    for _ in range(2):
        await write(opened, RESTART, STUCK)
        await press(opened)
        deny = opened.page.get_by_role("button", name="Deny")
        await loaded_again_until(opened, deny)
        await deny.click()
        await loaded_again_until(opened, opened.page.get_by_role("button", name="Propose it"))
    state = await state_of(incident)
    assert [one.became for one in state.proposals] == [Became.DENIED] * 2


async def test_it_is_offered_to_who_may_propose_while_it_may_be_proposed(
    intake: Intake, product: Product, tab: OpenTab
) -> None:
    product.world.process = sights.RUNNING
    incident = await product.asks()
    anna, reader = await opened_by(await tab(), incident), await opened_by(await tab(), incident, SENDER)
    heading = "Propose an action"
    await expect(anna.page.get_by_role("heading", name=heading)).to_have_count(0)
    await anna.page.get_by_role("button", name="Deny").click()
    await expect(anna.page.get_by_role("heading", name=heading)).to_be_visible()
    await until(incident, lambda state: state.phase == "escalated")
    await reader.open(f"/incidents/{incident.id}")
    await expect(reader.page.get_by_role("heading", name=heading)).to_have_count(0)
    offered = await anna.page.get_by_label("Action", exact=True).locator("option").all_text_contents()
    assert {RESTART, "restart-database of postgres"} < set(offered)
    assert not {"restart-database of backend", "clear-cache of backend"} & set(offered), "it does not fit"
