"""The link of a message, judged by the incident: who reaches Temporal uses none twice, and makes none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client

from models.incident.announcement import Occasion
from models.incident.incident import Decided
from models.people.link import SignedLink
from models.people.signature import key_name
from runtime.incidents import Incidents
from tests.integration.people.test_forgeries import STRANGERS_KEY, Product, product, server, state_of
from tests.integration.views.messages import PHONE, asking, delivered
from tests.parts.product.intake import SIGNING_KEY
from tests.workflows.harness import Incident

__all__ = ["product", "server"]


async def link_of(client: Client, incident: Incident, **changes: Any) -> SignedLink:
    """As it is in the message that asks, or with something else in it under its own seal."""
    run = (await incident.describe()).run_id
    awaiting = (await state_of(incident)).awaiting
    assert awaiting is not None
    message = await delivered(asking(incident.id, run, awaiting.digests), "http://localhost:1")
    link = SignedLink.of_text(message.links[0].address.rpartition("/")[2])
    assert link is not None
    return link.model_copy(update=changes).sealed(SIGNING_KEY, incident.id) if changes else link


async def test_of_two_intakes_at_once_one_uses_a_link_up(product: Product) -> None:
    incident = await product.asks()
    link = await link_of(product.client, incident)
    intakes = [Incidents(product.client), Incidents(product.client)]
    assert not await intakes[0].link_used(incident.id, link.nonce)
    used = await asyncio.gather(*(one.use_link(incident.id, link) for one in intakes))
    assert sorted(one.accepted for one in used) == [False, True]
    later = await Incidents(product.client).use_link(incident.id, link)
    assert (later.accepted, "used already" in later.reason) == (False, True)
    assert await intakes[1].link_used(incident.id, link.nonce)
    assert (await state_of(incident)).awaiting is not None, "a link decides nothing by itself"


async def test_a_link_that_was_made_up_is_not_used(product: Product) -> None:
    incident = await product.asks()
    link = await link_of(product.client, incident)
    strange = link.model_copy(update={"key": key_name(STRANGERS_KEY)}).sealed(STRANGERS_KEY, incident.id)
    old = await link_of(product.client, incident, at=datetime.now(UTC) - timedelta(days=2))
    forged = [
        *(link.model_copy(update=one) for one in ({"by": "mallory"}, {"plans": ()}, {"nonce": "0" * 24})),
        link.sealed(SIGNING_KEY, "ServiceDown/other"),
        await link_of(product.client, incident, run="00000000-0000-0000-0000-000000000000"),
        strange,
        old,
    ]
    for one in forged:
        assert not (await use(incident, one)).accepted, one
    assert (await use(incident, link)).accepted, "none of them used it up"


async def use(incident: Incident, link: SignedLink) -> Decided:
    used: Decided = await incident.execute_update("use_link", link, result_type=Decided)
    return used


async def test_a_question_names_its_plans_to_who_writes_the_link(product: Product) -> None:
    incident = await product.asks()
    awaiting = (await state_of(incident)).awaiting
    assert awaiting is not None
    told = [one for one in product.world.told if one.incident == incident.id]
    assert [(one.occasion, one.plans) for one in told if one.occasion.wakes] == [
        (Occasion.APPROVAL, awaiting.digests)
    ]
    history = (await incident.fetch_history()).to_json()
    assert "/link/" not in history


@pytest.mark.parametrize(
    "changes",
    [
        {"first_of": (), "also_to": (PHONE,)},
        {"also_to": (PHONE,)},
        {"occasion": Occasion.NOTICE},
        {"occasion": Occasion.RESOLVED},
    ],
)
async def test_what_more_than_one_person_reads_has_no_link(changes: dict[str, Any]) -> None:
    message = asking("ServiceDown/backend", "run", ("0123456789ab",), **changes)
    assert (await delivered(message, "http://localhost:1")).links == ()
