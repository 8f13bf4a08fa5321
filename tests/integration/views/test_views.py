"""The board and an incident in a real browser: read, followed and decided, also without JavaScript."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest
from playwright.async_api import expect
from temporalio.client import Client

from models.incident.incident import Spoken, Through
from models.messages import NOTE
from runtime.incidents import Which
from tests.integration.views.conftest import OpenTab
from tests.integration.views.firing import HTML, fired, refired, state_of
from tests.parts.product.intake import ANNA, SENDER, Intake
from tests.parts.product.report_tab import SCHEMES, SIZES, Scheme
from tests.parts.product.view_tab import ViewTab

pytest_plugins = ["tests.parts.servers.browser"]

HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1> javascript:alert(1) \u202e\u009b31m"


async def signed_in(opened: ViewTab, incident: str, token: str = ANNA) -> ViewTab:
    await opened.sign_in(token, f"/incidents/{incident}")
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text(incident)
    opened.said.clear()  # a browser complains of the 401 of the page that asks for the token
    return opened


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", list(SIZES))
async def test_the_board_and_an_incident_are_for_everybody(
    intake: Intake, tab: OpenTab, size: str, scheme: Scheme
) -> None:
    incident = await fired(intake)
    opened = await signed_in(await tab(size, scheme, asked=True), incident)
    await opened.is_for_everybody(scheme, f"incident-{size}-{scheme}")
    await opened.open("/")
    await expect(opened.page.get_by_role("link", name=incident)).to_be_visible()
    await opened.is_for_everybody(scheme, f"board-{size}-{scheme}")
    assert opened.said == []


async def test_an_incident_is_approved_by_one_tap_and_shows_what_follows_by_itself(
    intake: Intake, client: Client, tab: OpenTab
) -> None:
    incident = await fired(intake)
    opened = await signed_in(await tab(), incident)
    await opened.page.get_by_role("button", name="Approve").click()
    await expect(opened.page.get_by_text("approve (anna, through the intake)")).to_be_visible()
    assert (await state_of(client, incident)).awaiting is None
    spoken = Spoken(by="bert", through=Through.COMMAND, text="I look at the disk")
    await opened.page.get_by_label("A note for everybody").fill("half a")
    await client.get_workflow_handle(incident).signal(NOTE, spoken)
    await expect(opened.page.get_by_text("I look at the disk")).to_be_visible()
    await expect(opened.page.get_by_label("A note for everybody")).to_have_value("half a")
    assert opened.said == []


async def test_an_incident_is_decided_without_a_script(intake: Intake, client: Client, tab: OpenTab) -> None:
    incident = await fired(intake)
    opened = await signed_in(await tab(script=False), incident)
    await opened.page.get_by_label("A note for everybody").fill("it is the new release")
    await opened.page.get_by_role("button", name="Add the note").click()
    await opened.page.get_by_role("button", name="I have it").click()
    await opened.page.get_by_role("button", name="Deny").click()
    await expect(opened.page.get_by_text("deny (anna, through the intake)")).to_be_visible()
    said = [(one.text, one.by, one.through) for one in (await state_of(client, incident)).timeline[1:]]
    assert said == [
        (text, "anna", Through.INTAKE) for text in ("it is the new release", "acknowledged", "deny")
    ]
    await opened.page.get_by_role("button", name="Done").click()
    await expect(opened.page.get_by_text("done (anna, through the intake)")).to_be_visible()
    assert await opened.page.get_by_role("button", name="Deny").count() == 0


async def test_a_stranger_sees_nothing_and_a_reader_decides_nothing(intake: Intake, tab: OpenTab) -> None:
    incident = await fired(intake)
    opened = await tab()
    await opened.sign_in("wrong-token-0123456789", f"/incidents/{incident}")
    await expect(opened.page.get_by_role("alert")).to_contain_text("this token is nobody's")
    assert incident not in await opened.text()
    await signed_in(opened, incident, SENDER)
    assert await opened.page.get_by_role("button", name="Approve").count() == 0
    await opened.page.get_by_role("button", name="Sign out").click()
    await expect(opened.page.get_by_label("Your token")).to_be_visible()


async def test_what_an_alert_says_stays_text(intake: Intake, client: Client, tab: OpenTab) -> None:
    incident = await fired(intake, annotations={"summary": HOSTILE, "description": HOSTILE})
    await client.get_workflow_handle(incident).signal(NOTE, Spoken(by="<b>", text=HOSTILE))
    opened = await signed_in(await tab(asked=True), incident)
    for path in (f"/incidents/{incident}", "/"):
        await opened.open(path)
        assert await opened.page.evaluate("window.hacked") is None
        assert (
            await opened.page.evaluate("document.querySelectorAll('main script, img, iframe, b').length") == 0
        )
        assert not {"\u202e", "\u009b"} & set(await opened.page.inner_text("main"))
    assert opened.other_hosts == set()


async def cookie_of(http: httpx.AsyncClient, token: str) -> None:
    answer = await http.post("/sign-in", data={"token": token, "next": "/"}, headers=HTML)
    assert answer.status_code == 303, answer.text


async def test_a_form_of_another_site_or_session_changes_nothing(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    path = f"/incidents/{incident}"
    async with httpx.AsyncClient(base_url=intake.url, headers=HTML) as http:
        await cookie_of(http, ANNA)
        page = (await http.get(path)).text
        form = page.partition('name="form" value="')[2].partition('"')[0]
        plan = page.partition('name="plan" value="')[2].partition('"')[0]
        said = {"form": form, "plan": plan, "word": "approve"}
        other = await fired(intake)
        refused = [
            await http.post(f"{path}/say", data=said, headers={"sec-fetch-site": "cross-site"}),
            await http.post(f"{path}/say", data=said, headers={"sec-fetch-site": "same-site"}),
            await http.post(f"{path}/say", data={**said, "form": ""}),
            await http.post(f"{path}/say", data={**said, "form": "0" * 64}),
            await http.post(f"/incidents/{other}/say", data=said),
        ]
        http.cookies.clear()
        refused.append(await http.post(f"{path}/say", data=said))
        assert [one.status_code for one in refused] == [403, 403, 403, 403, 403, 401]
        await cookie_of(http, ANNA)
        for odd in ({**said, "word": "terminate"}, {**said, "plan": ""}, {**said, "word": "note"}):
            odd["form"] = (await http.get(path)).text.partition('name="form" value="')[2].partition('"')[0]
            assert (await http.post(f"{path}/say", data=odd)).status_code == 422
        assert len((await state_of(client, incident)).timeline) == 1
        said["form"] = odd["form"]
        assert (await http.post(f"{path}/say", data=said)).status_code == 303
        assert (await http.post(f"{path}/say", data=said)).status_code == 409, "it is decided already"


async def test_signing_in_leads_to_no_other_host(intake: Intake) -> None:
    async with httpx.AsyncClient(base_url=intake.url, headers=HTML) as http:
        for place in (
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/incidents/a/../../x",
            "/x",
        ):
            answer = await http.post("/sign-in", data={"token": ANNA, "next": place})
            assert answer.headers["location"] in ("/",), place


async def test_programs_find_json_where_people_find_pages(intake: Intake) -> None:
    incident = await fired(intake)
    async with httpx.AsyncClient(base_url=intake.url) as http:
        key = {"authorization": f"Bearer {SENDER}"}
        assert (await http.get(f"/incidents/{incident}", headers=key)).json()["id"] == incident
        assert (await http.get("/", headers=key)).status_code == 404
        assert (await http.get("/", headers=HTML)).status_code == 401
        assert (await http.get(f"/incidents/{incident}", headers={**key, **HTML})).json()["id"] == incident
        page = await http.get(f"/incidents/{incident}", headers=HTML)
        assert page.status_code == 401, "a page is for who signed in"
        policy = page.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


async def test_a_form_of_an_earlier_firing_says_nothing_to_the_next(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    path = f"/incidents/{incident}"
    async with httpx.AsyncClient(base_url=intake.url, headers=HTML) as http:
        await cookie_of(http, ANNA)
        form = (await http.get(path)).text.partition('name="form" value="')[2].partition('"')[0]
        first = (await client.get_workflow_handle(incident).describe()).run_id
        await client.get_workflow_handle(incident).terminate()
        assert "Approve" not in (await http.get(f"{path}?run={first}")).text, "it goes on no more"
        alerted = await refired(intake, incident)
        assert alerted == incident
        old = await http.get(f"{path}?run={first}")
        assert (old.status_code, 'name="form"' in old.text, 'data-live=""' in old.text) == (200, False, True)
        answer = await http.post(f"{path}/say", data={"form": form, "word": "done"})
        assert answer.status_code == 403
        assert "earlier firing" in answer.text
    assert len((await state_of(client, incident)).timeline) == 1


async def test_strangers_who_send_half_a_form_keep_nobody_out(intake: Intake) -> None:
    port = int(intake.url.rpartition(":")[2])
    head = "POST {} HTTP/1.1\r\nhost: localhost:{}\r\naccept: text/html\r\ncontent-length: 100\r\n"
    kind = "content-type: application/x-www-form-urlencoded\r\n\r\n"
    kept = []
    for path in ("/sign-in", "/incidents/A/backend/say"):
        for _ in range(40):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((head.format(path, port) + kind).encode())
            kept.append((reader, writer))
    answers = [await asyncio.wait_for(reader.read(12), 20) for reader, _ in kept]
    for _, writer in kept:
        writer.close()
    said = Counter(answers)
    assert said[b"HTTP/1.1 401"] == 40, "a form about an incident is not read before it is known whose"
    assert said[b"HTTP/1.1 503"] == 40 - 16
    assert said[b"HTTP/1.1 408"] == 16


async def test_a_service_of_the_board_is_a_name_and_no_query(intake: Intake) -> None:
    incident = await fired(intake)
    async with httpx.AsyncClient(base_url=intake.url, headers=HTML) as http:
        await cookie_of(http, SENDER)
        for service in ('\\\' OR WorkflowType > "a" -- x', "\\", "it's", "x" * 5000):
            answer = await http.get("/", params={"service": service})
            assert (answer.status_code, incident in answer.text) == (200, True), service
        assert incident not in (await http.get("/", params={"service": "other"})).text


def test_what_is_quoted_for_visibility_stays_one_value() -> None:
    assert Which(service="a\\' OR 1").query.endswith("Service = 'a\\\\'' OR 1'")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1"])
async def test_without_the_browsers_word_the_origin_counts(intake: Intake, origin: str) -> None:
    async with httpx.AsyncClient(base_url=intake.url, headers={**HTML, "origin": origin}) as http:
        answer = await http.post("/sign-in", data={"token": ANNA, "next": "/"})
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
