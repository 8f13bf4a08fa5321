"""The signed link of a message: it opens one incident as one person, is used once, and not for long."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Error, Route, expect
from temporalio.client import Client

from models.incident.incident import Through
from tests.integration.views.conftest import OpenTab
from tests.integration.views.firing import HTML, fired, refired, state_of
from tests.integration.views.messages import ago, link_in, path_in_message, resealed
from tests.parts.product.intake import (
    CONFIGURATION,
    SENDER,
    Intake,
    TemporalServer,
    environment,
    intake_process,
)
from tests.parts.product.report_tab import SCHEMES, SIZES, Scheme

pytest_plugins = ["tests.parts.servers.browser"]

STRANGERS_KEY = "a-key-that-a-stranger-has-made-up-0123456789"
INSTEAD = "sign in with your own token"
"""What each refusal says that its reader can do."""


def browser(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=HTML)


def fields_of(page: str) -> dict[str, str]:
    form = page.partition('name="form" value="')[2].partition('"')[0]
    plan = page.partition('name="plan" value="')[2].partition('"')[0]
    return {"form": form, "plan": plan, "word": "approve"}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", list(SIZES))
async def test_from_the_message_to_an_approval_in_two_taps(
    intake: Intake, client: Client, tab: OpenTab, size: str, scheme: Scheme
) -> None:
    incident = await fired(intake)
    opened = await tab(size, scheme, asked=True)
    await opened.open(await path_in_message(client, incident, intake.url))
    await expect(opened.page.get_by_text("as anna, for this incident")).to_be_visible()
    await opened.is_for_everybody(scheme, f"link-{size}-{scheme}")
    await opened.page.get_by_role("button", name="Approve").click()
    await expect(opened.page.get_by_text("approve (anna, through a signed link)")).to_be_visible()
    state = await state_of(client, incident)
    assert (state.awaiting, state.timeline[-1].by, state.timeline[-1].through) == (None, "anna", Through.LINK)
    await opened.page.get_by_label("A note for everybody").fill("I watch it")
    await opened.page.get_by_role("button", name="Add the note").click()
    await expect(opened.page.get_by_text("I watch it")).to_be_visible()
    assert opened.said == []


async def test_the_same_without_a_script(intake: Intake, client: Client, tab: OpenTab) -> None:
    incident = await fired(intake)
    opened = await tab(script=False)
    path = await path_in_message(client, incident, intake.url)
    await opened.open(path)
    await opened.page.get_by_role("button", name="I have it").click()
    await expect(opened.page.get_by_text("acknowledged (anna, through a signed link)")).to_be_visible()
    await opened.open(path)
    await opened.page.get_by_role("button", name="Approve").click()
    await expect(opened.page.get_by_text("approve (anna, through a signed link)")).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
async def test_a_second_tap_before_the_first_is_answered_sends_nothing_or_is_told_that_the_first_counted(
    intake: Intake, client: Client, tab: OpenTab, script: bool
) -> None:
    incident = await fired(intake)
    opened = await tab(script=script)
    tapped_again, sent = asyncio.Event(), asyncio.Queue[str]()

    async def late(route: Route) -> None:
        answer = await route.fetch(max_redirects=0)
        await sent.put(route.request.url)
        await tapped_again.wait()
        with suppress(Error):  # the browser waits for the second tap's answer alone
            await route.fulfill(response=answer)

    await opened.open(await path_in_message(client, incident, intake.url))
    await opened.page.route("**/link/*", late)
    approve = await opened.page.get_by_role("button", name="Approve").bounding_box()
    assert approve is not None
    place = approve["x"] + approve["width"] / 2, approve["y"] + approve["height"] / 2
    await opened.page.mouse.click(*place)
    await asyncio.wait_for(sent.get(), 15)
    await opened.page.mouse.click(*place)
    if not script:
        await asyncio.wait_for(sent.get(), 15)
    tapped_again.set()
    said = "approve (anna, through a signed link)" if script else "the first press counted"
    await expect(opened.page.get_by_text(said)).to_be_visible()
    assert sent.empty()
    assert [one.by for one in (await state_of(client, incident)).timeline] == ["runbook", "anna"]


async def test_a_second_press_is_told_that_the_first_counted(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    async with browser(intake.url) as http:
        form = fields_of((await http.get(path)).text)
        assert (await http.post(path, data=form)).status_code == 303
    async with browser(intake.url) as again:
        answer = await again.post(path, data=form)
    assert (answer.status_code, "set-cookie" in answer.headers) == (409, False)
    assert "anna was last heard through a signed link" in answer.text
    assert "the first press counted" in answer.text
    assert "Nothing was done" not in answer.text


async def test_who_used_a_link_is_signed_in_though_their_word_did_not_count(
    intake: Intake, client: Client, temporal: TemporalServer, tmp_path: Path
) -> None:
    incident = await fired(intake)
    path = resealed(await path_in_message(client, incident, intake.url), by="mallory")
    config = tmp_path / "runbooks.yaml"
    config.write_text(f"{CONFIGURATION}  approvers: [anna, mallory]\n")
    async with intake_process(config, environment(temporal.address)) as other, browser(other.url) as http:
        refused = await http.post(path, data=fields_of((await http.get(path)).text))
        assert (refused.status_code, "mallory is nobody" in refused.text) == (409, True)
        assert "press again if it did not count" in refused.text
        assert "as mallory, for this incident" in (await http.get(f"/incidents/{incident}")).text


async def test_a_link_signs_in_who_only_reads_and_signing_out_leaves_both(
    intake: Intake, client: Client
) -> None:
    incident = await fired(intake)
    page = f"/incidents/{incident}"
    async with browser(intake.url) as http:
        await http.post("/sign-in", data={"token": SENDER, "next": "/"})
        assert "reading only" in (await http.get(page)).text
        path = await path_in_message(client, incident, intake.url)
        said = fields_of((await http.get(path)).text) | {"word": "acknowledge"}
        assert (await http.post(path, data=said)).status_code == 303
        seen = (await http.get(page)).text
        assert "as anna, for this incident" in seen
        assert (await http.post(f"{page}/say", data=fields_of(seen))).status_code == 303
        await client.get_workflow_handle(incident).terminate()
        await refired(intake, incident)
        assert "reading only" in (await http.get(page)).text, "a link of an earlier firing hides nothing"
        assert f'action="{page}/sign-out"' in seen
        assert (await http.post(f"{page}/sign-out")).status_code == 303
        assert not http.cookies


async def test_a_chat_program_that_looks_ahead_uses_nothing_up(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    async with browser(intake.url) as bot:
        for _ in range(3):
            assert (await bot.head(path)).status_code == 200
            answer = await bot.get(path)
            assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)
    async with browser(intake.url) as http:
        page = (await http.get(path)).text
        assert (await http.post(path, data=fields_of(page))).status_code == 303
    assert (await state_of(client, incident)).awaiting is None


async def test_a_link_is_used_once_also_by_another_browser_at_a_restarted_and_at_a_second_intake(
    intake: Intake, client: Client, temporal: TemporalServer, config: Path, tmp_path: Path
) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    said = {"word": "acknowledge"}
    token = tmp_path / "token"
    token.write_text(SENDER)
    async with intake_process(
        config, environment(temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))
    ) as other:
        async with browser(intake.url) as http, browser(other.url) as second:
            form = {**fields_of((await http.get(path)).text), **said}
            assert fields_of((await second.get(path)).text)["form"] == form["form"]
            both = await asyncio.gather(http.post(path, data=form), second.post(path, data=form))
            assert sorted(one.status_code for one in both) == [303, 409]
        async with browser(other.url) as stranger:
            for answer in (await stranger.get(path), await stranger.post(path, data=form)):
                assert (answer.status_code, "set-cookie" in answer.headers) == (409, False)
                assert "used already" in answer.text
                assert INSTEAD in answer.text
    said_so = [one for one in (await state_of(client, incident)).timeline if one.text == "acknowledged"]
    assert len(said_so) == 1


async def refused(intake: Intake, path: str, why: str, status: int = 403) -> None:
    """By a page that says why and what to do, whether it is opened or its form is sent."""
    async with browser(intake.url) as http:
        for answer in (
            await http.get(path),
            await http.post(path, data={"form": "x", "word": "done"}),
        ):
            assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)
            assert why in answer.text
            assert INSTEAD in answer.text
            assert 'name="form"' not in answer.text


async def test_what_is_expired_changed_or_of_another_key_opens_nothing(
    intake: Intake, client: Client
) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    place, _, text = path.rpartition("/")
    await refused(intake, resealed(path, at=ago(31)), "good for 30 min")
    await refused(intake, resealed(path, at=ago(-5)), "from the future")
    await refused(intake, resealed(path, STRANGERS_KEY), "approvals.keys")
    bert = link_in(path).model_copy(update={"by": "bert"})
    await refused(intake, f"{place}/{bert.as_text()}", "changed")
    for odd in (text[:-9], "x", "%00", "é", "W10", "e30", text * 9):
        await refused(intake, f"{place}/{odd}", "")
    other = await fired(intake)
    await refused(intake, path.replace(incident, other), "another incident")
    assert len((await state_of(client, incident)).timeline) == 1


async def test_a_link_for_another_plan_or_firing_opens_nothing(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    async with browser(intake.url) as http:
        page = fields_of((await http.get(path)).text)
        old = resealed(path, plans=("0123456789ab",))
        answer = await http.get(old)
        assert (answer.status_code, "is for plan 0123456789ab" in answer.text) == (409, True)
        plain = resealed(path, plans=())
        before_the_question = (await http.get(plain)).text
        assert "Your link came before this question" in before_the_question
        assert 'value="approve"' not in before_the_question
        form = {**page, "form": fields_of(before_the_question)["form"]}
        assert (await http.post(plain, data=form)).status_code == 403, "not by this link"
        await client.get_workflow_handle(incident).terminate()
        await refired(intake, incident)
        answer = await http.get(path)
        assert (answer.status_code, "another firing" in answer.text) == (409, True)
        assert (await http.post(path, data=page)).status_code == 403
    assert len((await state_of(client, incident)).timeline) == 1


async def test_a_form_that_another_site_sends_uses_nothing_up(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    async with browser(intake.url) as http:
        form = fields_of((await http.get(path)).text)
        for header in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
            answer = await http.post(path, data=form, headers=header)
            assert (answer.status_code, "open the page itself" in answer.text) == (403, True)
        assert (await http.post(path, data={**form, "form": "0" * 64})).status_code == 403
        assert (await http.post(path, data=form)).status_code == 303
        assert (await http.get("/")).status_code == 401, "no other page is open to who came by a link"
        other = await fired(intake)
        http.cookies.set("runbooks-link", http.cookies["runbooks-link"])
        assert (await http.get(f"/incidents/{other}")).status_code == 401
        assert (await http.post(f"/incidents/{other}/say", data=form)).status_code == 401


async def test_a_key_that_is_replaced_still_opens_until_it_is_removed(
    client: Client, intake: Intake, temporal: TemporalServer, tmp_path: Path
) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    old = "{env: RUNBOOKS_TEST_SIGNING_KEY}"
    assert old in CONFIGURATION
    new = f"{{file: {tmp_path}/new}}"
    (tmp_path / "new").write_text(STRANGERS_KEY)
    for name, keys, status in (("both", f"{new}, {old}", 200), ("new", new, 403)):
        config = tmp_path / f"{name}.yaml"
        config.write_text(CONFIGURATION.replace(old, keys))
        variables = environment(temporal.address)
        async with intake_process(config, variables) as running, browser(running.url) as http:
            assert (await http.get(path)).status_code == status
