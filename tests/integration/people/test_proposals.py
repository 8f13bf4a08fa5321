"""A program proposes through the real intake, under a token of its own, and decides nothing; so does a person
at the command line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.testing import WorkflowEnvironment

from models.incident.incident import Entry, IncidentState, Outcome, Through
from tests.integration.people.test_forgeries import Product, state_of, until
from tests.parts.product.commands import Person
from tests.parts.product.intake import ANNA, CONFIGURATION, SENDER, Intake, alert, environment, intake_process
from tests.parts.product.intake import webhook as a_webhook
from tests.workflows import sights
from tests.workflows.harness import Incident
from workflows.proposals.making import MAKINGS

COPILOT = "copilot-token-0123456789"
SEEN = {"authorization": f"Bearer {COPILOT}"}
ANNAS = {"authorization": f"Bearer {ANNA}"}
RESTART = {"action": "restart-service", "text": "the pool is stuck"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "runbooks.yaml"
    programs = "{anna: {env: ANNA_TOKEN}}\n  programs: {copilot: {env: COPILOT_TOKEN}}"
    path.write_text(CONFIGURATION.replace("{anna: {env: ANNA_TOKEN}}", programs))
    return path


@pytest.fixture(scope="module")
def variables(server: WorkflowEnvironment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text(SENDER)
    address = server.client.service_client.config.target_host
    return environment(address, COPILOT_TOKEN=COPILOT, RUNBOOKS_INTAKE_TOKEN_FILE=str(token))


@pytest.fixture(scope="module")
async def intake(config: Path, variables: dict[str, str]) -> AsyncIterator[Intake]:
    async with intake_process(config, variables) as intake:
        yield intake


@pytest.fixture
async def http(intake: Intake) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=intake.url, timeout=30) as http:
        yield http


async def hung(product: Product) -> Incident:
    """It hangs, its port is taken, and a person denied to kill who took it."""
    product.world.process = sights.RUNNING
    incident = await product.asks()
    await incident.signal("deny")
    await until(incident, lambda state: state.phase == "escalated")
    return incident


async def proposes(
    http: httpx.AsyncClient, incident: Incident, said: Any, headers: dict[str, str] = SEEN
) -> httpx.Response:
    return await http.post(f"/incidents/{incident.id}/proposals", json=said, headers=headers)


async def test_a_program_proposes_and_a_person_approves(http: httpx.AsyncClient, product: Product) -> None:
    incident = await hung(product)
    answer = await proposes(http, incident, RESTART)
    assert (answer.status_code, answer.json()["accepted"]) == (200, True)
    again = await proposes(http, incident, RESTART)
    assert (again.status_code, again.json()["id"]) == (200, answer.json()["id"]), "the same is one"
    state = await until(incident, lambda state: state.awaiting is not None)
    assert state.awaiting is not None
    assert len(state.proposals) == 1
    seen = (
        await http.get(f"/incidents/{incident.id}", headers={**SEEN, "accept": "application/json"})
    ).json()
    assert seen["awaiting"]["plan"]["why"] == "copilot (a program) proposed it: the pool is stuck"
    product.world.port = sights.FREE_PORT
    decision = {"verdict": "approve", "plan": state.awaiting.digest}
    for headers, status in ((SEEN, 403), (ANNAS, 200)):
        decided = await http.post(f"/incidents/{incident.id}/decide", json=decision, headers=headers)
        assert decided.status_code == status, decided.text
    review = await incident.result()
    assert review.outcome is Outcome.RESOLVED
    assert product.world.done == ["restart backend"]
    done = review.performed[-1]
    assert (done.approved_by, done.plan.proposed_by) == ("anna", "copilot (a program)")


def by_people(state: IncidentState) -> list[Entry]:
    return [one for one in state.timeline if one.through is not Through.PRODUCT]


@pytest.mark.parametrize("word", ["acknowledge", "note", "done"])
async def test_a_program_says_nothing_else(http: httpx.AsyncClient, product: Product, word: str) -> None:
    incident = await hung(product)
    before = by_people(await state_of(incident))
    answer = await http.post(f"/incidents/{incident.id}/{word}", json={"text": "hm"}, headers=SEEN)
    assert (answer.status_code, answer.json()["error"]) == (
        403,
        "a program may read and propose; a person decides",
    )
    assert by_people(await state_of(incident)) == before


async def test_a_program_sends_no_alerts_and_signs_in_nowhere(
    http: httpx.AsyncClient, product: Product
) -> None:
    posted = await http.post("/v1/alertmanager", json=a_webhook(alert()), headers=SEEN)
    assert posted.status_code == 401
    signed_in = await http.post(
        "/sign-in",
        data={"token": COPILOT, "next": "/"},
        headers={"accept": "text/html"},
        follow_redirects=False,
    )
    assert signed_in.status_code not in (200, 303), signed_in.text
    assert (await http.get("/incidents", headers={**SEEN, "accept": "application/json"})).status_code == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"action": "delete-everything"}, 422),
        ({**RESTART, "container": "other"}, 422),
        ({**RESTART, "settings": {"host": "other"}}, 422),
        ({"action": "scale-out", "settings": {"to": 10**9}}, 422),
        ({**RESTART, "text": "x" * 501}, 422),
        ({**RESTART, "by": "anna"}, 422),
        ({**RESTART, "service": "elsewhere"}, 409),
        ({"action": "scale-out", "settings": {"to": 3}}, 409),
    ],
)
async def test_nothing_outside_the_catalogue(
    http: httpx.AsyncClient, product: Product, said: dict[str, Any], status: int
) -> None:
    incident = await hung(product)
    answer = await proposes(http, incident, said)
    assert answer.status_code == status, answer.text
    assert (await state_of(incident)).proposals == ()


async def test_who_has_no_token_of_their_own_proposes_nothing(
    http: httpx.AsyncClient, product: Product
) -> None:
    incident = await hung(product)
    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {SENDER}"}):
        assert (await proposes(http, incident, RESTART, headers)).status_code == 401
    missing = await http.post("/incidents/NoSuch/backend/proposals", json=RESTART, headers=SEEN)
    assert missing.status_code == 404


async def test_the_document_names_every_action(http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    operation = document["paths"]["/incidents/{alert}/{service}/proposals"]["post"]
    assert set(operation["responses"]) >= {"200", "401", "403", "404", "409", "422"}
    action = document["components"]["schemas"]["IncomingProposal"]["properties"]["action"]
    assert set(action["enum"]) == set(MAKINGS)


async def test_a_person_proposes_at_the_command_line(
    product: Product, config: Path, variables: dict[str, str]
) -> None:
    incident = await hung(product)
    person = Person({**variables, "RUNBOOKS_CONFIG": str(config)})
    refused = await person.types("propose", incident.id, "scale-out", "--set", "to=3")
    assert refused.code == 4, refused
    wrong = await person.types("propose", incident.id, "scale-out", "--set", "to=many")
    assert wrong.code == 2, wrong
    done = await person.types("propose", incident.id, "restart-service", "--text", "stuck", "--json")
    assert done.code == 0, done
    assert json.loads(done.out)["accepted"]
    state = await until(incident, lambda state: state.awaiting is not None)
    assert state.proposals[-1].text == "stuck"
    await incident.signal("deny")
    await asyncio.wait_for(until(incident, lambda state: state.phase == "escalated"), 30)
