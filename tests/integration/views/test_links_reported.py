"""What people report of links that sign in, tried on those of messages; `docs/field.md` names the reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect
from temporalio.client import Client

from models.people.link import SignedLink
from tests.integration.views.conftest import OpenTab
from tests.integration.views.firing import fired, state_of
from tests.integration.views.messages import path_in_message, resealed
from tests.integration.views.test_links import browser, fields_of
from tests.parts.product.intake import ANNA, SIGNING_KEY, Intake

pytest_plugins = ["tests.parts.servers.browser"]


@pytest.mark.parametrize(
    ("where", "added"),
    [
        (None, "?utm_source=mail&fbclid=x"),
        (None, "."),
        (None, ")"),
        (None, "%3E"),
        (None, "%20"),
        (None, "==="),
        (60, "%0D%0A"),
        (76, "=%0D%0A"),
    ],
)
async def test_what_a_mail_program_adds_to_a_link_is_read_over(
    intake: Intake, client: Client, where: int | None, added: str
) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    place, _, text = path.rpartition("/")
    changed = f"{place}/{text[:where]}{added}{text[where:] if where else ''}"
    async with browser(intake.url) as http:
        page = await http.get(changed)
        assert page.status_code == 200, page.text
        assert (await http.post(changed, data=fields_of(page.text))).status_code == 303
        assert (await http.get(path)).status_code == 303, "it is the same link, and this browser has used it"
    async with browser(intake.url) as another:
        assert (await another.get(path)).status_code == 409
    assert (await state_of(client, incident)).awaiting is None


@pytest.mark.parametrize("accept", ["*/*", "", "image/*", "application/json"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_a_scanner_that_asks_for_anything_uses_nothing_up(
    intake: Intake, client: Client, method: str, accept: str
) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    async with httpx.AsyncClient(base_url=intake.url, headers={"accept": accept}) as bot:
        answer = await bot.request(method, path)
        assert answer.status_code < 500
        assert "set-cookie" not in answer.headers
    async with browser(intake.url) as http:
        assert (await http.get(path)).status_code == 200
    assert (await state_of(client, incident)).awaiting is not None


async def test_of_two_messages_about_one_question_the_second_opens_nothing_once_it_is_answered(
    intake: Intake, client: Client
) -> None:
    incident = await fired(intake)
    first, second = [await path_in_message(client, incident, intake.url) for _ in range(2)]
    assert first != second
    async with browser(intake.url) as http:
        await http.post(first, data=fields_of((await http.get(first)).text))
    async with browser(intake.url) as http:
        late = await http.get(second)
    assert (late.status_code, "nothing is asked now" in late.text) == (409, True)


async def test_no_link_is_in_the_log_of_the_intake_or_leaves_with_a_referrer(
    intake: Intake, client: Client
) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    async with browser(intake.url) as http:
        page = await http.get(path)
        again = await http.post(path, data=fields_of(page.text))
    async with browser(intake.url) as http:
        late = await http.get(path)
    for answer, status in ((page, 200), (again, 303), (late, 409)):
        assert answer.status_code == status
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "no-store" in answer.headers["cache-control"]
    text = path.rpartition("/")[2]
    assert not [line for line in intake.log if text in line or text[:60] in line]


async def test_who_keeps_no_cookie_has_said_it_all_the_same(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    path = await path_in_message(client, incident, intake.url)
    async with browser(intake.url) as http:
        page = await http.get(path)
        assert (await http.post(path, data=fields_of(page.text))).status_code == 303
        http.cookies.clear()
        assert (await http.get(f"/incidents/{incident}")).status_code == 401
    state = await state_of(client, incident)
    assert (state.awaiting, state.timeline[-1].by) == (None, "anna")


@pytest.fixture
def bert_decides_too(config: Path) -> Iterator[None]:
    before = config.read_text()
    config.write_text(before.replace("approvals:", "approvals:\n  approvers: [anna, bert]"))
    yield
    config.write_text(before)


@pytest.mark.usefixtures("bert_decides_too")
async def test_the_link_of_another_says_as_whom_and_leaves_who_is_signed_in(
    intake: Intake, client: Client
) -> None:
    incident = await fired(intake)
    path = resealed(await path_in_message(client, incident, intake.url), by="bert")
    async with browser(intake.url) as http:
        await http.post("/sign-in", data={"token": ANNA, "next": "/"})
        page = (await http.get(path)).text
        assert "as bert, for this incident" in page
        said = fields_of(page) | {"word": "acknowledge"}
        assert (await http.post(path, data=said)).status_code == 303
        assert "as bert, for this incident" not in (await http.get(f"/incidents/{incident}")).text
    assert (await state_of(client, incident)).timeline[-1].by == "bert"


async def test_back_from_what_was_decided_leads_to_the_incident_and_to_no_refusal(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await tab()
    await opened.open(await path_in_message(client, incident, intake.url))
    await opened.page.get_by_role("button", name="Approve").click()
    said = opened.page.get_by_text("approve (anna, through a signed link)")
    await expect(said).to_be_visible()
    await opened.page.go_back()
    await expect(said).to_be_visible()
    await expect(opened.page.get_by_role("button", name="Approve")).to_have_count(0)


@pytest.mark.parametrize("by", ["a", "ab", "abc", "anna", "x" * 64, "安娜" * 8])
def test_a_link_is_short_and_ends_in_what_no_mail_program_leaves_out(by: str) -> None:
    plans = tuple(f"{number:012x}" for number in range(6))
    now = datetime.now(UTC).replace(microsecond=0)
    link = SignedLink(by=by, plans=plans, run="0" * 36, at=now, nonce="0" * 24, key="0" * 12)
    text = link.sealed(SIGNING_KEY, "ServiceDown/backend").as_text()
    assert text[-1].isalnum()
    assert len(text) < 1000
    assert SignedLink.of_text(text) == link.sealed(SIGNING_KEY, "ServiceDown/backend")
