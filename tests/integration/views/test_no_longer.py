"""Who signed out, and who is not in the configuration any more, is nobody: also with what they kept."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client

from runtime.sessions.ended import EARLY, FRESH, Sessions
from tests.integration.views.firing import HTML, fired, state_of
from tests.integration.views.messages import path_in_message
from tests.parts.product.intake import (
    ANNA,
    CONFIGURATION,
    SENDER,
    Intake,
    TemporalServer,
    environment,
    intake_process,
    until,
)


def browser(url: str, **cookies: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=HTML, cookies=cookies)


def form_in(page: str) -> dict[str, str]:
    form = page.partition('name="form" value="')[2].partition('"')[0]
    plan = page.partition('name="plan" value="')[2].partition('"')[0]
    return {"form": form, "plan": plan, "word": "approve"}


@asynccontextmanager
async def another(temporal: TemporalServer, config: Path, directory: Path) -> AsyncIterator[Intake]:
    """An intake beside the first one, or the same after a restart."""
    token = directory / "token"
    token.write_text(SENDER)
    variables = environment(temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))
    async with intake_process(config, variables) as running:
        yield running


async def test_signing_out_ends_the_session_for_who_copied_its_cookie_also_at_another_intake(
    intake: Intake, client: Client, temporal: TemporalServer, config: Path, tmp_path: Path
) -> None:
    incident = await fired(intake)
    page = f"/incidents/{incident}"
    async with browser(intake.url) as http, browser(intake.url) as phone:
        for one in (http, phone):
            assert (await one.post("/sign-in", data={"token": ANNA, "next": "/"})).status_code == 303
        copy = http.cookies["runbooks-session"]
        named, *rest = copy.split(".")
        odd = ".".join((f"{named[:2]}!{named[2:]}", *rest))
        async with browser(intake.url, **{"runbooks-session": odd}) as thief:
            assert (await thief.get(page)).status_code == 200, "written in another way, it is the same"
        form = form_in((await http.get(page)).text)
        assert (await http.post("/sign-out")).status_code == 303
        for cookie in (copy, odd):
            async with browser(intake.url, **{"runbooks-session": cookie}) as thief:
                assert (await thief.get(page)).status_code == 401
                assert (await thief.get("/history")).status_code == 401
                assert (await thief.post(f"{page}/say", data=form)).status_code == 401
        assert "anna" in (await phone.get(page)).text, "another session of hers goes on"
    async with (
        another(temporal, config, tmp_path) as other,
        browser(other.url, **{"runbooks-session": copy}) as thief,
    ):
        assert (await thief.get(page)).status_code == 401
        assert (await thief.post(f"{page}/say", data=form)).status_code == 401
    assert (await state_of(client, incident)).awaiting


async def test_a_session_in_use_is_asked_about_before_what_is_known_of_it_is_old(client: Client) -> None:
    session, now = secrets.token_hex(), [0.0]
    here, elsewhere = Sessions(client, lambda: now[0]), Sessions(client)
    assert not await here.is_over(session)
    await elsewhere.end(session)
    assert not await here.is_over(session), "it was asked about just now"
    now[0] = (FRESH - EARLY).total_seconds() + 0.5
    assert not await here.is_over(session), "what is known is still good enough, and nobody waits"

    async def is_over() -> bool:
        return await here.is_over(session)

    assert await until(is_over)


async def test_signing_out_ends_the_session_of_a_link(intake: Intake, client: Client) -> None:
    incident = await fired(intake)
    page = f"/incidents/{incident}"
    async with browser(intake.url) as http:
        path = await path_in_message(client, incident, intake.url)
        said = form_in((await http.get(path)).text) | {"word": "acknowledge"}
        assert (await http.post(path, data=said)).status_code == 303
        copy = http.cookies["runbooks-link"]
        form = form_in((await http.get(page)).text)
        assert (await http.post(f"{page}/sign-out")).status_code == 303
    async with browser(intake.url, **{"runbooks-link": copy}) as thief:
        assert (await thief.get(page)).status_code == 401
        assert (await thief.post(f"{page}/say", data=form)).status_code == 401
    assert (await state_of(client, incident)).awaiting


GONE = {
    "who is not an approver any more": ("  approvers: [bert]\n", "anna: {env: ANNA_TOKEN}"),
    "who is not there any more": ("", "bert: {env: ANNA_TOKEN}"),
}


@pytest.mark.parametrize(("approvers", "people"), GONE.values(), ids=list(GONE))
async def test_a_link_and_its_session_end_with_the_right_of_their_person(
    intake: Intake, client: Client, temporal: TemporalServer, tmp_path: Path, approvers: str, people: str
) -> None:
    """The configuration changes between the message and the tap, while the intake runs."""
    incident, page = await fired(intake), ""
    path = await path_in_message(client, incident, intake.url)
    config = tmp_path / "runbooks.yaml"
    config.write_text(CONFIGURATION)
    async with another(temporal, config, tmp_path) as other, browser(other.url) as http:
        form = form_in((await http.get(path)).text)
        used = await path_in_message(client, incident, other.url)
        said = form_in((await http.get(used)).text) | {"word": "acknowledge"}
        assert (await http.post(used, data=said)).status_code == 303
        page = f"/incidents/{incident}"
        own = form_in((await http.get(page)).text)
        before = "anna: {env: ANNA_TOKEN}"
        assert before in CONFIGURATION
        config.write_text(CONFIGURATION.replace(before, people) + approvers)

        async def refused() -> bool:
            answer = await http.get(path)
            return answer.status_code == 403 and "anna, who may not decide any more" in answer.text

        await until(refused)
        assert (await http.post(path, data=form)).status_code == 403
        assert (await http.get(page)).status_code == 401
        assert (await http.post(f"{page}/say", data=own)).status_code == 401
    assert (await state_of(client, incident)).awaiting


async def test_the_token_and_the_session_of_who_is_removed_open_nothing(
    intake: Intake, client: Client, temporal: TemporalServer, tmp_path: Path
) -> None:
    incident = await fired(intake)
    page, config = f"/incidents/{incident}", tmp_path / "runbooks.yaml"
    config.write_text(CONFIGURATION)
    async with another(temporal, config, tmp_path) as other, browser(other.url) as http:
        assert (await http.post("/sign-in", data={"token": ANNA, "next": "/"})).status_code == 303
        form = form_in((await http.get(page)).text)
        config.write_text(CONFIGURATION.replace("anna: {env", "bert: {env"))

        async def refused() -> bool:
            return (await http.get(page)).status_code == 401

        await until(refused)
        assert (await http.post(f"{page}/say", data=form)).status_code == 401
        key = {"authorization": f"Bearer {ANNA}"}
        decision = {"verdict": "approve", "plan": form["plan"]}
        async with httpx.AsyncClient(base_url=other.url, headers=key) as program:
            assert (await program.post(f"{page}/decide", json=decision)).status_code == 401
    assert (await state_of(client, incident)).awaiting
