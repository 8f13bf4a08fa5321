"""The history in a real browser, out of a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import yaml
from playwright.async_api import expect

from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from models.incident.incident import Phase
from runtime.store.opening import database_of
from runtime.store.store import IncidentStore
from tests.integration.views.conftest import OpenTab
from tests.parts.product.intake import (
    ANNA,
    CONFIGURATION,
    SENDER,
    Intake,
    TemporalServer,
    environment,
    intake_process,
)
from tests.parts.product.report_tab import SCHEMES, SIZES, Scheme
from tests.parts.store.stored import growth_of, review_of, state_of
from tests.unit.activities.test_review_page import VERIFIED

pytest_plugins = ["tests.parts.servers.browser"]

HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1>"


@pytest.fixture(scope="module")
async def intake(temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Intake]:
    """Beside a store with 60 incidents of the last days, and one of last year."""
    directory = tmp_path_factory.mktemp("history")
    settings = StoreSettings(file=str(directory / "incidents.sqlite"))
    store = IncidentStore(database_of(Configuration(store=settings)))
    await store.prepare()
    now = datetime.now(UTC)
    for number in range(61):
        service, cause = (("backend", "crash"), ("web", "hung"))[number % 2]
        began = now - timedelta(hours=2 + number) if number < 60 else now - timedelta(days=300)
        said = HOSTILE if number == 7 else f"it was number-{number}."
        state, run = state_of("began", said, phase=Phase.CLOSED, service=service), f"run-{number}"
        review = review_of(state, run, cause, began).model_copy(update={"probes": VERIFIED})
        await store.append([growth_of(state, run_id=run, review=review, began=began)], now)
    config, token = directory / "runbooks.yaml", directory / "token"
    config.write_text(CONFIGURATION + yaml.safe_dump({"store": {"file": settings.file}}))
    token.write_text(SENDER)
    variables = environment(temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))
    async with intake_process(config, variables) as running:
        yield running


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", list(SIZES))
async def test_the_history_is_for_everybody(intake: Intake, tab: OpenTab, size: str, scheme: Scheme) -> None:
    opened = await tab(size, scheme, asked=True)
    await opened.sign_in(ANNA, "/history")
    await expect(opened.page.get_by_role("status")).to_contain_text("60 closed incidents, page 1 of 2")
    await opened.is_for_everybody(scheme, f"history-{size}-{scheme}")


async def test_an_incident_of_the_last_days_is_found_and_read_without_a_script(
    intake: Intake, tab: OpenTab
) -> None:
    opened = await tab(script=False)
    await opened.sign_in(ANNA, "/history")
    await opened.page.get_by_role("link", name="Older").click()
    await expect(opened.page.get_by_role("status")).to_contain_text("page 2 of 2")
    await opened.page.get_by_label("Words").fill("NUMBER-31.")
    await opened.page.get_by_label("Cause").select_option("hung")
    await opened.page.get_by_role("button", name="Show").click()
    await expect(opened.page.get_by_role("status")).to_have_text("1 closed incidents")
    await opened.page.get_by_role("link", name="ServiceDown/web").click()
    await expect(opened.page.get_by_role("heading", level=1)).to_have_text("ServiceDown/web")
    text = await opened.text()
    assert "it was number-31." in text
    assert "recovered after 4 min" in text
    assert opened.other_hosts == set()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_the_samples_of_a_stored_one_are_for_everybody(
    intake: Intake, tab: OpenTab, scheme: Scheme
) -> None:
    opened = await tab("phone", scheme, asked=True)
    await opened.sign_in(ANNA, "/history")
    await opened.open("/history/run-3")
    section = opened.page.get_by_role("region", name="Samples of the verification")
    await expect(section.get_by_role("img", name="Time to answer")).to_be_visible()
    await section.get_by_text("The same as a table").click()
    await expect(section.get_by_role("row")).to_have_count(7)
    await opened.is_for_everybody(scheme, f"stored-{scheme}")


async def test_an_incident_of_last_year_is_not_in_the_list_and_still_read(
    intake: Intake, tab: OpenTab
) -> None:
    opened = await tab()
    await opened.sign_in(ANNA, "/history?words=number-60.")
    await opened.open("/history?words=number-60.")
    await expect(opened.page.get_by_role("status")).to_have_text("0 closed incidents")
    await opened.open("/history/run-60")
    assert "it was number-60." in await opened.text()


async def test_what_a_log_said_stays_text(intake: Intake, tab: OpenTab) -> None:
    opened = await tab()
    await opened.sign_in(ANNA, "/history")
    await opened.open("/history/run-7")
    assert HOSTILE in await opened.text()
    assert await opened.page.evaluate("typeof hacked") == "undefined"


@pytest.mark.parametrize("path", ["/history", "/history/run-7"])
async def test_a_stranger_is_asked_for_a_token_and_reads_nothing(intake: Intake, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{intake.url}{path}", headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert "ServiceDown" not in answer.text


async def test_one_that_is_not_stored_is_said_to_be_none(intake: Intake, tab: OpenTab) -> None:
    opened = await tab()
    await opened.sign_in(ANNA, "/history")
    await opened.open("/history/run-none")
    assert "no such incident in the store" in await opened.text()
