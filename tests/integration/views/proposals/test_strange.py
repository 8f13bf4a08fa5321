"""Forms that are no person's own word, and the link of a message: nothing is proposed by them."""

from __future__ import annotations

import httpx
import pytest

from runtime.incidents import Incidents
from tests.integration.people.test_forgeries import Product, state_of
from tests.integration.people.test_proposals import hung
from tests.integration.views.firing import HTML
from tests.integration.views.messages import link_in, path_in_message
from tests.parts.product.intake import ANNA, Intake
from tests.workflows.harness import Incident

SAID = {"word": "propose", "what": "restart-service/backend", "text": "the pool is stuck", "key": "k1"}


def browser(intake: Intake) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=intake.url, headers=HTML, timeout=30)


async def form_in(http: httpx.AsyncClient, path: str) -> str:
    return (await http.get(path)).text.partition('name="form" value="')[2].partition('"')[0]


async def signed_in(http: httpx.AsyncClient, incident: Incident) -> str:
    answer = await http.post("/sign-in", data={"token": ANNA, "next": "/"})
    assert answer.status_code == 303, answer.text
    return await form_in(http, f"/incidents/{incident.id}")


async def test_a_form_of_another_site_or_session_proposes_nothing(intake: Intake, product: Product) -> None:
    incident = await hung(product)
    say = f"/incidents/{incident.id}/say"
    async with browser(intake) as http:
        form = await signed_in(http, incident)
        said = {**SAID, "form": form}
        refused = [
            await http.post(say, data=said, headers={"sec-fetch-site": "cross-site"}),
            await http.post(say, data={**said, "form": "0" * 64}),
        ]
        http.cookies.clear()
        refused.append(await http.post(say, data=said))
        assert [one.status_code for one in refused] == [403, 403, 401]
    assert (await state_of(incident)).proposals == ()


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ({"what": ""}, "choose an action"),
        ({"what": "restart-service"}, "choose an action"),
        ({"what": "delete-everything/backend"}, "choose an action"),
        ({"what": "restart-service/../backend"}, "choose an action of the list"),
        ({"key": "<b>"}, "load the page again"),
        ({"set-host": "other"}, "restart-service has no setting host: leave it empty"),
        ({"text": " "}, "say why in a few words"),
        ({"text": "x" * 501}, "the reason has 501 characters: shorten it to 500"),
    ],
)
async def test_what_no_form_of_ours_says_is_refused_in_words(
    intake: Intake, product: Product, odd: dict[str, str], says: str
) -> None:
    incident = await hung(product)
    async with browser(intake) as http:
        form = await signed_in(http, incident)
        answer = await http.post(f"/incidents/{incident.id}/say", data={**SAID, "form": form, **odd})
    assert answer.status_code == 422
    assert "Not proposed: " in answer.text
    assert says in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert (await state_of(incident)).proposals == ()


async def test_a_service_that_is_not_the_incidents_is_refused(intake: Intake, product: Product) -> None:
    incident = await hung(product)
    async with browser(intake) as http:
        said = {**SAID, "form": await signed_in(http, incident), "what": "restart-service/elsewhere"}
        answer = await http.post(f"/incidents/{incident.id}/say", data=said)
    assert (answer.status_code, "this incident may not act on elsewhere" in answer.text) == (409, True)


async def test_one_form_that_is_sent_twice_is_one_proposal(intake: Intake, product: Product) -> None:
    incident = await hung(product)
    async with browser(intake) as http:
        said = {**SAID, "form": await signed_in(http, incident)}
        sent = [await http.post(f"/incidents/{incident.id}/say", data=said) for _ in range(2)]
    assert [one.status_code for one in sent] == [303, 303]
    assert len((await state_of(incident)).proposals) == 1


async def test_by_a_link_one_has_it_first_and_then_proposes(intake: Intake, product: Product) -> None:
    incident = await hung(product)
    link = await path_in_message(product.client, incident.id, intake.url)
    path = f"/incidents/{incident.id}"
    async with browser(intake) as http:
        form = await form_in(http, link)
        looked = (await http.get(link)).text
        assert "Propose an action" not in looked
        assert "To propose an action, press “I have it” first." in looked
        refused = await http.post(link, data={**SAID, "form": form})
        assert (refused.status_code, "then propose" in refused.text) == (422, True)
        assert not await Incidents(product.client).link_used(incident.id, link_in(link).nonce)
        assert (await http.post(link, data={"form": form, "word": "acknowledge"})).status_code == 303
        assert "Propose an action" in (await http.get(path)).text
        said = {**SAID, "form": await form_in(http, path)}
        assert (await http.post(f"{path}/say", data=said)).status_code == 303
    assert [one.by for one in (await state_of(incident)).proposals] == ["anna"]
