"""A page that follows its incident changes nothing under the finger of who is about to press."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from temporalio.client import Client

from models.incident.incident import IncidentState, Spoken, Through
from models.messages import NOTE
from tests.integration.views.conftest import OpenTab
from tests.integration.views.firing import fired, state_of
from tests.parts.product.intake import ANNA, Intake
from tests.parts.product.view_tab import ViewTab

pytest_plugins = ["tests.parts.servers.browser"]

CHANGED = "Another decision is asked for than this page shows."


async def opened_by_anna(tab: OpenTab, incident: str) -> ViewTab:
    opened = await tab()
    await opened.sign_in(ANNA, f"/incidents/{incident}")
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text(incident)
    opened.said.clear()  # a browser complains of the 401 of the page that asks for the token
    return opened


async def bert_says(client: Client, incident: str, text: str) -> None:
    spoken = Spoken(by="bert", through=Through.COMMAND, text=text)
    await client.get_workflow_handle(incident).signal(NOTE, spoken)


def asked(state: IncidentState) -> str:
    assert state.awaiting is not None
    return state.awaiting.digest


async def test_a_press_never_approves_a_plan_that_came_after_the_page(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await opened_by_anna(tab, incident)
    read = asked(await state_of(client, incident))
    await client.get_workflow_handle(incident).signal("ask_another", "frontend")
    await expect(opened.page.get_by_role("alert")).to_contain_text(CHANGED)
    await opened.page.get_by_role("button", name="Approve").click()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("Not done")
    await expect(opened.page.get_by_text("that plan is not what is asked")).to_be_visible()
    state = await state_of(client, incident)
    assert asked(state) != read
    await opened.page.get_by_role("link", name="Back").click()
    await expect(opened.page.get_by_text(f"plan {asked(state)}")).to_be_visible()
    await opened.page.get_by_role("button", name="Approve").click()
    await expect(opened.page.get_by_text("approve (anna, through the intake)")).to_be_visible()


async def test_a_question_that_begins_is_shown_when_its_reader_asks_for_it(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await opened_by_anna(tab, incident)
    await opened.page.get_by_role("button", name="Deny").click()
    await expect(opened.page.get_by_text("deny (anna, through the intake)")).to_be_visible()
    await expect(opened.page.get_by_role("button", name="Approve")).to_have_count(0)
    await client.get_workflow_handle(incident).signal("ask_another", "frontend")
    await opened.page.get_by_role("link", name="Show it").click()
    await expect(opened.page.get_by_role("button", name="Approve")).to_be_visible()
    await expect(opened.page.get_by_text(CHANGED)).to_be_hidden()
    assert opened.said == []


async def test_what_is_being_written_keeps_its_caret(intake: Intake, client: Client, tab: OpenTab) -> None:
    incident = await fired(intake)
    opened = await opened_by_anna(tab, incident)
    note = opened.page.get_by_label("A note for everybody")
    await note.fill("disk is full")
    await note.press("Home")
    await bert_says(client, incident, "I look at the disk")
    await expect(opened.page.get_by_text("I look at the disk")).to_be_visible()
    await opened.page.keyboard.type("the ")
    await expect(note).to_have_value("the disk is full")
    await opened.page.get_by_role("button", name="Add the note").click()
    await expect(opened.page.get_by_text("the disk is full")).to_be_visible()


async def test_what_is_written_stays_while_another_form_has_the_focus(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await opened_by_anna(tab, incident)
    note = opened.page.get_by_label("A note for everybody")
    await note.fill("the disk is full")
    await opened.page.get_by_role("button", name="I have it").focus()
    await bert_says(client, incident, "I look at the disk")
    await expect(opened.page.get_by_text("I look at the disk")).to_be_visible()
    await expect(note).to_have_value("the disk is full")


async def renewed(page: Page, client: Client, incident: str) -> None:
    """Something happened, and the page has fetched itself because of it."""
    path = f"/incidents/{incident}"
    async with page.expect_response(lambda answer: answer.url.endswith(path)) as answer:
        await bert_says(client, incident, "I look at the disk")
    await (await answer.value).finished()


async def test_a_button_stays_in_place_from_its_press_to_its_release(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await opened_by_anna(tab, incident)
    have_it = opened.page.get_by_role("button", name="I have it")
    await have_it.scroll_into_view_if_needed()
    await have_it.hover()
    await opened.page.mouse.down()
    await renewed(opened.page, client, incident)
    await expect(opened.page.get_by_text("I look at the disk")).to_have_count(0)
    await opened.page.mouse.up()
    await expect(opened.page.get_by_text("acknowledged (anna, through the intake)")).to_be_visible()
    await expect(opened.page.get_by_text("I look at the disk")).to_be_visible()


async def test_a_menu_that_swallows_the_release_keeps_nothing_back(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await opened_by_anna(tab, incident)
    await opened.page.get_by_role("heading", level=1).hover()
    await opened.page.mouse.down(button="right")
    await bert_says(client, incident, "I look at the disk")
    await expect(opened.page.get_by_text("I look at the disk")).to_be_visible()


async def test_a_page_that_is_live_again_says_no_longer_that_it_is_not(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await tab()
    await opened.page.clock.install()
    await opened.page.route("**/live", lambda route: route.fulfill(status=503), times=1)
    await opened.sign_in(ANNA, f"/incidents/{incident}")
    not_live = opened.page.get_by_text("not live: trying again")
    await expect(not_live).to_be_visible()
    await opened.page.clock.fast_forward(15_000)
    await expect(not_live).to_be_hidden()
    await bert_says(client, incident, "I look at the disk")
    await expect(opened.page.get_by_text("I look at the disk")).to_be_visible()


@pytest.mark.parametrize("with_forms", [True, False])
async def test_without_a_script_a_page_with_forms_stays_as_it_was_read(
    intake: Intake, tab: OpenTab, with_forms: bool
) -> None:
    incident = await fired(intake)
    opened = await tab(script=False)
    await opened.sign_in(ANNA, f"/incidents/{incident}" if with_forms else "/")
    await expect(opened.page.get_by_role("link", name="Board")).to_be_visible()
    assert await opened.page.locator("meta[http-equiv=refresh]").count() == (0 if with_forms else 1)
    assert await opened.page.get_by_role("link", name="load it again").count() == (1 if with_forms else 0)
