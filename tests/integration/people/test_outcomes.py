"""What came of a word is said as far as it is known, and a word counts for the firing it was meant for."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from intake.slack.outcome import acknowledged, went_wrong
from intake.views.deciding import Deciding, Said
from intake.views.routes import Page
from models.incident.alert import Alert
from models.incident.incident import Decision, Spoken, Through, Verdict
from models.messages import ACKNOWLEDGE
from runtime.errors import NobodyAnswers, Rejected, TemporalAway, Trouble
from runtime.incidents import Incidents
from runtime.people.signing import Signer
from tests.integration.people.test_forgeries import STRANGERS_KEY, Product, product_with, state_of
from tests.parts.product.signing import SIGNER

ELSEWHERE = "00000000-0000-4000-8000-000000000000"
BEN = Spoken(by="ben", through=Through.SLACK)
DENIED = Decision(by="ben", through=Through.SLACK, verdict=Verdict.DENY, plan="0" * 12)


@pytest.mark.parametrize("signer", [SIGNER, None], ids=["signed", "raw"])
async def test_a_word_for_another_firing_is_not_sent(product: Product, signer: Signer | None) -> None:
    incident, incidents = await product.asks(), Incidents(product.client, signer)
    before = await state_of(incident)
    with pytest.raises(Rejected, match="fired again meanwhile"):
        await incidents.decide(incident.id, DENIED, run=ELSEWHERE)
    with pytest.raises(Rejected, match="fired again meanwhile"):
        await incidents.tell(incident.id, ACKNOWLEDGE, BEN, run=ELSEWHERE)
    for words in (BEN, DENIED):
        with pytest.raises(Rejected, match="fired again meanwhile"):
            await Deciding(incidents).send(incident.id, Said(ACKNOWLEDGE, words, ELSEWHERE))
    since = [one for one in (await state_of(incident)).timeline if one not in before.timeline]
    assert [one for one in since if not one.sent] == [], "only the question's own messages may come meanwhile"


async def test_an_acknowledgement_is_said_to_count_once_the_incident_says_so(product: Product) -> None:
    incident = await product.asks()
    incidents = Incidents(product.client, SIGNER)
    await incidents.tell(incident.id, ACKNOWLEDGE, BEN)
    assert (
        await acknowledged(incidents, incident.id, "ben") == f"You have {incident.id}: acknowledged as ben."
    )
    nobody = await acknowledged(incidents, incident.id, "ana")
    assert nobody == f"Sent; it does not show yet that it counted: look at {incident.id}."


async def test_an_acknowledgement_that_the_incident_refuses_is_said_not_to_count(product: Product) -> None:
    product.approvals(temporal_ui=False, approvers=["ada"])
    incident = await product.asks()
    incidents = Incidents(product.client, Signer(lambda: product_with(STRANGERS_KEY)))
    await incidents.tell(incident.id, ACKNOWLEDGE, BEN)
    assert (await acknowledged(incidents, incident.id, "ben")).startswith("It did not count: ")


async def test_what_was_sent_and_not_answered_may_count(product: Product) -> None:
    """No worker polls the queue of this incident."""
    alert = Alert(name="NobodyPolls", service="backend", starts_at=datetime.now(UTC))
    started = await product.client.start_workflow(
        "ServiceDown", alert, id=alert.incident_id, task_queue="nobody"
    )
    incidents = Incidents(product.client, SIGNER)

    async def decided() -> Trouble:
        with pytest.raises(NobodyAnswers) as trouble:
            await incidents.decide(started.id, DENIED)
        return trouble.value

    async def told() -> str:
        await incidents.tell(started.id, ACKNOWLEDGE, BEN)
        return await acknowledged(incidents, started.id, "ben")

    trouble, said = await asyncio.gather(decided(), told())
    assert said.startswith("Sent; ")
    assert trouble.may_count
    assert went_wrong(trouble).startswith("Nobody knows yet whether it counted")

    async def refuse(_: Request) -> Response:
        raise trouble

    transport = httpx.ASGITransport(Starlette(routes=[Page("GET", "/", refuse)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://intake") as http:
        page = await http.get("/", headers={"accept": "text/html"})
    assert (
        "<h1>No answer yet</h1>" in page.text and "look at the incident before you send it again" in page.text
    )


async def test_what_failed_before_it_was_sent_did_nothing() -> None:
    nowhere = await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
    with pytest.raises(TemporalAway) as trouble:
        await Incidents(nowhere, SIGNER).decide("ServiceDown/backend", DENIED)
    assert not trouble.value.may_count
    assert went_wrong(trouble.value).startswith("Nothing was done: ")
