"""The samples of a verification in a real browser: while it goes on, and when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import httpx
import pytest
from playwright.async_api import expect
from pytest_httpserver import HTTPServer
from temporalio.client import Client

from models.evidence.evidence import VerificationRequest
from models.incident.incident import Phase
from models.service.service import DockerManager, HealthCheck, Service
from tests.integration.views.conftest import OpenTab
from tests.integration.views.firing import state_of
from tests.parts.product.intake import ANNA, until
from tests.parts.product.report_tab import SCHEMES, SIZES, Scheme
from tests.parts.product.view_tab import ViewTab
from tests.parts.scenarios.verifying import QUEUE, Verifying, verifier

pytest_plugins = ["tests.parts.servers.browser"]

NUMBERS = count(1)
INK = "getComputedStyle(document.querySelector('.chart .s0 path')).stroke"
"""Of the line of what is well."""
COLOURS = {"light": "rgb(47, 111, 176)", "dark": "rgb(106, 169, 233)"}


@pytest.fixture
async def worker(client: Client) -> AsyncIterator[None]:
    async with httpx.AsyncClient(trust_env=False) as http, verifier(client, http):
        yield


async def verified(client: Client, server: HTTPServer, stable_for: timedelta) -> str:
    """An incident whose verification has begun."""
    server.expect_request("/health").respond_with_json({"status": "ok"})
    check = HealthCheck(url=server.url_for("/health"), every=timedelta(milliseconds=200))
    name = f"verified-{next(NUMBERS)}"
    service = Service(name=name, manager=DockerManager(container="backend"), health=check)
    request = VerificationRequest(service=service, stable_for=stable_for)
    await client.start_workflow(Verifying.run, request, id=f"Verifying/{name}", task_queue=QUEUE)
    return f"Verifying/{name}"


async def opened_at(tab: ViewTab, incident: str) -> None:
    await tab.sign_in(ANNA, f"/incidents/{incident}")
    await expect(tab.page.get_by_role("heading", level=1)).to_have_text(incident)
    tab.said.clear()  # a browser complains of the 401 of the page that asks for the token


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", list(SIZES))
async def test_the_samples_are_for_everybody(
    worker: None, client: Client, httpserver: HTTPServer, tab: OpenTab, size: str, scheme: Scheme
) -> None:
    incident = await verified(client, httpserver, timedelta(seconds=1))
    opened = await tab(size, scheme, asked=True)
    await opened_at(opened, incident)
    section = opened.page.get_by_role("region", name="Samples of the verification", exact=True)
    await expect(section.get_by_role("paragraph")).to_contain_text("before the first: 2,300 ms, not well")
    await expect(section.get_by_role("img", name="Time to answer")).to_be_visible()
    assert await opened.page.evaluate(INK) == COLOURS[scheme]
    await section.get_by_text("The same as a table").click()
    rows = section.get_by_role("row")
    await expect(rows.nth(1)).to_contain_text("before: not well")
    await expect(rows.nth(1)).to_contain_text("2,300 ms")
    assert await rows.count() > 4
    await opened.is_for_everybody(scheme, f"samples-{size}-{scheme}")


async def test_they_are_shown_while_the_verification_goes_on_and_our_policy_lets_them(
    worker: None, client: Client, httpserver: HTTPServer, tab: OpenTab
) -> None:
    incident = await verified(client, httpserver, timedelta(minutes=5))
    opened = await tab(scheme="dark")
    await opened_at(opened, incident)
    section = opened.page.get_by_role("region", name="Samples of the verification", exact=True)
    await expect(section.get_by_role("img", name="Time to answer")).to_be_visible()
    await expect(opened.page.get_by_text("verifying", exact=True)).to_be_visible()
    assert await opened.page.evaluate(INK) == COLOURS["dark"], "its style is loaded"
    first = await section.locator("p").inner_text()
    await expect(section.locator("p")).not_to_have_text(first)  # more samples, without a click
    assert opened.said == [], "nothing was refused"


async def test_they_are_read_without_a_script(
    worker: None, client: Client, httpserver: HTTPServer, tab: OpenTab
) -> None:
    incident = await verified(client, httpserver, timedelta(milliseconds=500))

    async def is_over() -> bool:  # a page with forms stays as it was opened
        return (await state_of(client, incident)).phase is Phase.RESOLVED

    await until(is_over)
    opened = await tab(script=False)
    await opened_at(opened, incident)
    await opened.page.get_by_text("The same as a table").click()
    await expect(opened.page.get_by_role("columnheader", name="Time to answer")).to_be_visible()
    assert opened.other_hosts == set()
