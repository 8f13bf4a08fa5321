"""A trusted proxy's header signs people in; from anywhere else it is refused aloud."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import ValidationError
from temporalio.client import Client

from models.configuration.configuration import Configuration
from tests.integration.views.firing import HTML, fired, state_of
from tests.parts.product.intake import (
    CONFIGURATION,
    SENDER,
    Intake,
    TemporalServer,
    environment,
    intake_process,
    until,
)

HEADER = "X-Forwarded-User"
ANNA = {HEADER: "anna@example.com"}
PROXY = """
  proxy:
    addresses: [127.0.0.2]
    people: {anna@example.com: anna, bert@example.com: bert}
"""


@pytest.fixture(scope="module")
async def behind(
    temporal: TemporalServer, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Intake]:
    """An intake that trusts a proxy at another address of this machine."""
    directory = tmp_path_factory.mktemp("proxy")
    (directory / "token").write_text(SENDER)
    config = directory / "runbooks.yaml"
    people = "  people: {anna: {env: ANNA_TOKEN}}"
    assert people in CONFIGURATION
    both = people.replace("}}", "}, bert: {env: BERT_TOKEN}}")
    config.write_text(CONFIGURATION.replace(people, both + PROXY.rstrip()))
    token = str(directory / "token")
    variables = environment(
        temporal.address, RUNBOOKS_INTAKE_TOKEN_FILE=token, BERT_TOKEN="bert-token-0123456789"
    )
    async with intake_process(config, variables) as running:
        yield running


def asks(intake: Intake, address: str = "127.0.0.2", **headers: str) -> httpx.AsyncClient:
    """A client whose connections come from this address."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=intake.url, headers={**HTML, **headers}, transport=transport)


def form_in(page: str) -> dict[str, str]:
    form = page.partition('name="form" value="')[2].partition('"')[0]
    plan = page.partition('name="plan" value="')[2].partition('"')[0]
    return {"form": form, "plan": plan, "word": "approve"}


async def test_who_is_signed_in_at_the_proxy_decides_as_the_configured_person(
    behind: Intake, client: Client
) -> None:
    incident = await fired(behind)
    path = f"/incidents/{incident}"
    async with asks(behind, **ANNA) as http:
        board = await http.get("/")
        assert (board.status_code, "<span>anna</span>" in board.text) == (200, True)
        form = form_in((await http.get(path)).text)
        assert (await http.post(f"{path}/say", data=form)).status_code == 303
    state = await state_of(client, incident)
    assert (state.awaiting, state.timeline[-1].by) == (None, "anna")


async def test_the_header_from_elsewhere_is_refused_aloud_whatever_is_asked(
    behind: Intake, client: Client
) -> None:
    incident = await fired(behind)
    async with asks(behind, "127.0.0.1", **ANNA) as http:
        key = {"authorization": f"Bearer {SENDER}"}
        for answer in (
            await http.get("/"),
            await http.get(f"/incidents/{incident}", headers={**key, "accept": "*/*"}),
            await http.post("/v1/alertmanager", headers=key, json={}),
            await http.post(f"/incidents/{incident}/say", data={"word": "done"}),
        ):
            assert answer.status_code == 403
            assert "X-Forwarded-User counts from intake.proxy.addresses alone" in answer.text
            assert "127.0.0.1" in answer.text

    async def logged() -> list[str]:
        return [line for line in behind.log if "who is not the proxy" in line]

    (line,) = await until(logged)
    assert "127.0.0.1" in line
    assert len((await state_of(client, incident)).timeline) == 1


async def test_whom_the_proxy_does_not_name_signs_in_and_whom_nobody_knows_stays_out(behind: Intake) -> None:
    async with asks(behind) as http:
        assert (await http.get("/")).status_code == 401
        assert (await http.get("/", headers={HEADER: ""})).status_code == 401
        for name in ("mallory@example.com", "anna", "ANNA@example.com", "anna@example.com, bert@example.com"):
            answer = await http.get("/", headers={HEADER: name})
            assert (answer.status_code, "not in intake.proxy.people" in answer.text) == (403, True), name
        twice = [(HEADER, "anna@example.com"), (HEADER, "bert@example.com")]
        assert (await http.get("/", headers=twice)).status_code == 400


async def test_a_form_that_another_site_or_person_sends_through_the_proxy_changes_nothing(
    behind: Intake, client: Client
) -> None:
    incident = await fired(behind)
    path = f"/incidents/{incident}"
    async with asks(behind, **ANNA) as http:
        form = form_in((await http.get(path)).text)
        say = f"{path}/say"
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"origin": "https://evil.example"},
            {HEADER: "bert@example.com"},
        ):
            assert (await http.post(say, data=form, headers=headers)).status_code == 403
        assert (await http.post(say, data={**form, "form": ""})).status_code == 403
    assert len((await state_of(client, incident)).timeline) == 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"addresses": ["0.0.0.0/0"]}, "everybody"),
        ({"addresses": ["proxy.example.com"]}, "does not appear to be"),
        ({"addresses": []}, "at least 1"),
        ({"header": "Cookie"}, "header"),
        ({"people": {}}, "people"),
        ({"people": {"a@example.com": "ana"}}, "did you mean anna"),
    ],
)
def test_a_proxy_that_cannot_be_right_is_refused(changes: dict[str, object], says: str) -> None:
    proxy = {"addresses": ["10.0.0.5", "10.0.1.0/24"], "people": {"anna@example.com": "anna"}}
    intake = {"people": {"anna": {"env": "ANNA_TOKEN"}}}
    Configuration.model_validate({"intake": {**intake, "proxy": proxy}})
    with pytest.raises(ValidationError) as refused:
        Configuration.model_validate({"intake": {**intake, "proxy": {**proxy, **changes}}})
    assert says in str(refused.value)
