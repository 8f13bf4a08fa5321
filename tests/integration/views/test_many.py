"""A board of many incidents, of incidents that nobody answers for, and without a history."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import yaml
from temporalio.client import Client

from intake.views.board import banners
from models.base import in_number
from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from models.incident.incident import IncidentState, Phase, Spoken
from models.incident.stewardship import ControlRoomState
from models.messages import NOTE
from runtime.incidents import Incidents
from runtime.overview.listed import Listed
from runtime.overview.states import OTHERS_EVERY, OpenStates, States
from runtime.store.opening import database_of
from runtime.store.store import IncidentStore
from tests.integration.views.firing import HTML, fired
from tests.parts.product.commands import Person
from tests.parts.product.intake import (
    CONFIGURATION,
    SENDER,
    Intake,
    TemporalServer,
    environment,
    intake_process,
    stand_in_worker,
    until,
)
from tests.parts.store.stored import growth_of, review_of, state_of

MANY = 60


@pytest.fixture(scope="module")
async def store(tmp_path_factory: pytest.TempPathFactory) -> StoreSettings:
    """With 55 incidents of today."""
    settings = StoreSettings(file=str(tmp_path_factory.mktemp("store") / "incidents.sqlite"))
    writing = IncidentStore(database_of(Configuration(store=settings)))
    await writing.prepare()
    now = datetime.now(UTC)
    for number in range(55):
        state, run = state_of("began", phase=Phase.CLOSED, service="web"), f"run-{number}"
        review = review_of(state, run, began=now)
        await writing.append([growth_of(state, run_id=run, review=review, began=now)], now)
    return settings


@pytest.fixture(scope="module")
async def intake(
    temporal: TemporalServer, store: StoreSettings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Intake]:
    """No worker runs beside it."""
    directory = tmp_path_factory.mktemp("intake")
    config, token = directory / "runbooks.yaml", directory / "token"
    config.write_text(CONFIGURATION + yaml.safe_dump({"store": {"file": store.file}}))
    token.write_text(SENDER)
    variables = environment(temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))
    async with intake_process(config, variables) as running:
        yield running


@pytest.fixture
async def reader(intake: Intake) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who signed in with the intake's own token."""
    async with httpx.AsyncClient(base_url=intake.url, headers=HTML, trust_env=False, timeout=30) as http:
        answer = await http.post("/sign-in", data={"token": SENDER, "next": "/"})
        assert answer.status_code == 303, answer.text
        yield http


async def shown(reader: httpx.AsyncClient, query: str, text: str) -> str:
    """The board, as soon as it says this: Temporal's list may be a moment old."""

    async def look() -> str:
        page = (await reader.get(f"/?{query}")).text
        return page if text in page else ""

    page: str = await until(look, within=30)
    return page


async def test_what_nobody_answers_for_is_shown_and_its_state_follows_once_somebody_does(
    intake: Intake, reader: httpx.AsyncClient, temporal: TemporalServer
) -> None:
    incident = await fired(intake)
    query = f"words={incident}"
    assert "No worker answers for it just now" in await shown(reader, query, f">{incident}<")
    async with stand_in_worker(await temporal.client()):
        assert "who has it" in await shown(reader, query, "a stand-in [bold]incident[/bold]")


async def test_many_open_incidents_have_pages_and_each_is_on_one(
    intake: Intake, reader: httpx.AsyncClient
) -> None:
    fresh = {await fired(intake) for _ in range(MANY)}
    first = await shown(reader, "service=backend", "Page 1 of 2")
    assert first.count('<li class="card') == 50
    assert 'href="/?service=backend&amp;page=2"' in first
    second = await shown(reader, "service=backend&page=2", "Page 2 of 2")
    assert not [one for one in fresh if (f">{one}<" in first) == (f">{one}<" in second)]
    assert 'data-live="/live?service=backend&amp;page=2"' in second


async def test_the_last_days_come_from_the_store(reader: httpx.AsyncClient) -> None:
    page = await shown(reader, "", "The last 50 of 55")
    assert page.count('href="/history/run-') == 50
    none = await shown(reader, "severity=warning", "None.")
    assert "/history/run-" not in none


async def test_a_store_that_is_away_takes_nothing_from_what_is_open(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    broken = tmp_path / "incidents.sqlite"
    broken.write_text("this is no database, and was one once; somebody wrote over it" * 100)
    config = tmp_path / "runbooks.yaml"
    config.write_text(CONFIGURATION + yaml.safe_dump({"store": {"file": str(broken)}}))
    async with intake_process(config, environment(temporal.address)) as running:
        incident = await fired(running)
        async with httpx.AsyncClient(base_url=running.url, headers=HTML, trust_env=False) as http:
            page = await shown(http, f"words={incident}", f">{incident}<")
    assert "The history is away:" in page
    assert "file is not a database" in page


async def test_a_state_is_asked_for_again_when_the_history_grew(
    intake: Intake, temporal: TemporalServer
) -> None:
    incident, client, now = await fired(intake), await temporal.client(), [0.0]
    listed = Listed(client)
    states = OpenStates(States(client, Incidents(client)), lambda: now[0])

    async def said() -> IncidentState | None:
        now[0] += OTHERS_EVERY
        lines = [line for line in await listed.lines(datetime.now(UTC)) if line.id == incident]
        return (await states.round(lines)).get(incident)

    async def settled() -> IncidentState | None:
        """Its first workflow task is over: nothing of it is still on its way into the history."""
        one = await said()
        return one if one is not None and await said() is one else None

    async with stand_in_worker(client):
        before = await until(settled, within=30)
    assert await said() is before, "nothing happened, so nobody had to answer"
    await _told(client, incident)
    async with stand_in_worker(client):

        async def hears() -> bool:
            state = await said()
            return state is not None and state.timeline[-1].text == "look at the disk"

        assert await until(hears, within=30)


async def _told(client: Client, incident: str) -> None:
    await client.get_workflow_handle(incident).signal(NOTE, Spoken(by="anna", text="look at the disk"))


async def test_a_line_that_did_not_change_is_not_read_anew(intake: Intake, temporal: TemporalServer) -> None:
    incident, listed = await fired(intake), Listed(await temporal.client())

    async def there() -> bool:
        return incident in {line.id for line in await listed.lines(datetime.now(UTC))}

    await until(there)
    before, after = await listed.lines(datetime.now(UTC)), await listed.lines(datetime.now(UTC))
    assert before == after
    assert all(one is other for one, other in zip(before, after, strict=True))


async def test_between_two_whole_lists_what_began_and_what_closed_is_found(
    intake: Intake, temporal: TemporalServer
) -> None:
    stays, closes, client = await fired(intake), await fired(intake), await temporal.client()
    ticks = iter([0.0, 1.0])
    listed = Listed(client, lambda: next(ticks, 2.0))

    async def is_open(listed: Listed) -> dict[str, bool]:
        return {line.id: line.open for line in await listed.lines(datetime.now(UTC))}

    async def both() -> bool:
        return {stays, closes} <= (await is_open(Listed(client))).keys()

    await until(both)
    assert (await is_open(listed))[closes]
    begins = await fired(intake)
    await client.get_workflow_handle(closes).terminate()

    async def found() -> bool:
        now = await is_open(listed)
        return (now[stays], now[closes], now.get(begins)) == (True, False, True)

    assert await until(found)


async def test_what_began_while_nobody_looked_is_found_before_all_are_listed_again(
    intake: Intake, temporal: TemporalServer
) -> None:
    """The first list took so long that all are asked for again in minutes only."""
    client, before = await temporal.client(), datetime.now(UTC) - timedelta(minutes=1)
    ticks = iter([0.0, 100.0])
    listed = Listed(client, lambda: next(ticks, 101.0))
    await listed.lines(before)
    begins = await fired(intake)

    async def found() -> bool:
        return begins in {line.id for line in await Listed(client).lines(datetime.now(UTC))}

    await until(found)
    assert begins in {line.id for line in await listed.lines(datetime.now(UTC) + timedelta(minutes=1))}


async def test_how_many_are_not_shown_is_said(intake: Intake, temporal: TemporalServer) -> None:
    """The board holds as many as it may; `list` as many as it is asked for."""
    first, client = [await fired(intake) for _ in range(3)], await temporal.client()

    async def all_there() -> bool:
        return set(first) <= {line.id for line in await Listed(client).lines(datetime.now(UTC))}

    await until(all_there)
    listed, whole = Listed(client, most=2), Listed(client)
    lines, every = await listed.lines(datetime.now(UTC)), await whole.lines(datetime.now(UTC))
    missing = sum(one.open for one in every) - sum(one.open for one in lines)
    assert (listed.left_out, whole.left_out) == (missing, 0)
    assert missing > 0
    said = banners(ControlRoomState(), False, datetime.now(UTC), missing)
    assert said == [f"{in_number(missing, 'more open incident')} not shown here: those that began first."]
    person = Person(environment(temporal.address))
    cut = await person.types("list", "--open", "--most", "1")
    assert f"{len([one for one in every if one.open]) - 1} more not shown" in cut.err
    assert "more not shown" not in (await person.types("list", "--open", "--most", "1000")).err
