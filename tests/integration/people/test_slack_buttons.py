"""A press of a button on Slack is the word of a configured person, or of nobody. The runbooks are real."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from pytest_httpserver import HTTPServer
from starlette.applications import Starlette
from starlette.middleware import Middleware
from werkzeug import Request, Response

from intake.http.answers import Stop, on_stop
from intake.http.room import Room
from intake.slack.interactions import PATH, SlackInteractions
from intake.slack.presses import Presses
from intake.slack.requests import MOST_BODY
from models.configuration.configuration import Configuration
from models.incident.incident import Phase, Spoken, Through
from models.messages import RETRY
from runtime.incidents import Incidents
from tests.integration.people.test_forgeries import Product, state_of, until
from tests.parts.product.signing import SIGNER
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.harness import Incident
from workflows.runbooks.registry import NAMES

SECRET, VARIABLE = "8f742231b10e8888abcd99yyyzzz85a5", "RUNBOOKS_TEST_SLACK_SECRET"
os.environ.setdefault(VARIABLE, SECRET)
ANA, BEN, STRANGER = "U0ANA00001", "U0BEN00001", "U0STRANGER"


class Buttons:
    """Presses buttons as Slack does, and reads what who pressed is told."""

    def __init__(self, presses: Presses, client: httpx.AsyncClient, hooks: HTTPServer) -> None:
        self.presses = presses
        self.client = client
        self._presses = itertools.count()
        self.hooks = hooks

    async def press(self, user: str, action: str, value: str, **differently: Any) -> httpx.Response:
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "ana", "name": "ana", "team_id": "T0EXAMPLE1"},
            "api_app_id": "A0RUNBOOKS",
            "trigger_id": f"1.2.{next(self._presses)}",
            "channel": {"id": "C0ALERTS001", "name": "alerts"},
            "message": {"ts": "1700000000.000100", "text": "ServiceDown/backend"},
            "response_url": self.hooks.url_for("/actions/T0EXAMPLE1/1/s3cret"),
            "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value}],
            **differently,
        }
        return await self.send(urlencode({"payload": json.dumps(payload)}).encode())

    async def send(self, body: bytes, **differently: str) -> httpx.Response:
        """Its answer, once what it began is over."""
        answer = await self.client.post(PATH, content=body, headers=signed(body) | differently)
        await self.presses.settle(60)
        return answer

    @property
    def told(self) -> list[str]:
        return [request.get_json()["text"] for request, _ in self.hooks.log]


def signed(body: bytes, at: int | None = None, secret: str = SECRET) -> dict[str, str]:
    stamp = str(int(time.time()) if at is None else at)
    seal = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={seal}",
    }


@pytest.fixture
async def buttons(product: Product, httpserver: HTTPServer) -> AsyncIterator[Buttons]:
    httpserver.expect_request("/actions/T0EXAMPLE1/1/s3cret", "POST").respond_with_data("ok")
    slack = {
        "signing_secret": {"env": VARIABLE},
        "people": {ANA: "ana", BEN: "ben"},
        "answers": httpserver.url_for("").rstrip("/"),
    }
    product.configuration = Configuration.of(merged(CONFIGURATION, {"intake": {"slack": slack}}), NAMES)
    async with at_an_intake(product, httpserver) as pressing:
        yield pressing


@asynccontextmanager
async def at_an_intake(product: Product, hooks: HTTPServer) -> AsyncIterator[Buttons]:
    """One that remembers nothing of others: it is beside them, or was restarted."""
    async with httpx.AsyncClient() as http:
        incidents, presses = Incidents(product.client, SIGNER), Presses()
        pressed = SlackInteractions(incidents, lambda: product.configuration, http, presses)
        app = Starlette(
            routes=pressed.routes(), middleware=[Middleware(Room)], exception_handlers={Stop: on_stop}
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://intake") as client:
            yield Buttons(presses, client, hooks)
        await presses.finish()


async def value(incident: Incident, plan: str | None = None) -> str:
    """What a button of the message of this incident carries."""
    found, state = await incident.describe(), await state_of(incident)
    pending = state.awaiting.digest if state.awaiting else ""
    return json.dumps(
        {"incident": incident.id, "run": found.run_id, "plan": pending if plan is None else plan}
    )


async def decisions(incident: Incident) -> list[tuple[str, Through, bool]]:
    """Each decision in the timeline: by whom, through what, and whether it counted."""
    entries = (await state_of(incident)).timeline
    return [
        (one.by, one.through, "did not count" not in one.text)
        for one in entries
        if one.of_a_person and one.text.startswith(("approve", "deny"))
    ]


async def test_approve_is_the_word_of_the_configured_person(product: Product, buttons: Buttons) -> None:
    incident = await product.asks()
    answer = await buttons.press(ANA, "approve:0", await value(incident))
    assert (answer.status_code, answer.content) == (200, b"")
    [said] = buttons.told
    assert said.startswith("As ana: approve of plan ")
    assert await decisions(incident) == [("ana", Through.SLACK, True)]
    told = buttons.hooks.log[0][0].get_json()
    assert told["response_type"] == "ephemeral" and told["replace_original"] is False


async def test_acknowledge_and_deny_are_the_words_of_the_configured_person(
    product: Product, buttons: Buttons
) -> None:
    incident = await product.asks()
    await buttons.press(BEN, "acknowledge", await value(incident, ""))
    state = await until(incident, lambda state: bool(state.acknowledged_by))
    assert state.acknowledged_by == "ben"
    await buttons.press(BEN, "deny", await value(incident))
    assert buttons.told[-1].startswith("As ben: deny of plan ")
    assert await decisions(incident) == [("ben", Through.SLACK, True)]


async def test_two_people_at_the_same_time_make_one_decision_and_each_is_told(
    product: Product, buttons: Buttons
) -> None:
    incident = await product.asks()
    carried = await value(incident)
    await asyncio.gather(buttons.press(ANA, "approve:0", carried), buttons.press(BEN, "deny", carried))
    assert sorted(one.split(":")[0].split()[0] for one in buttons.told) == ["As", "It"], buttons.told
    assert sorted(counted for _, _, counted in await decisions(incident)) == [False, True]
    await buttons.press(ANA, "approve:0", carried)
    assert buttons.told[-1].startswith("It did not count: ")
    assert sum(counted for _, _, counted in await decisions(incident)) == 1, "a press after the decision"


async def test_a_button_of_an_old_plan_is_refused_and_says_so(product: Product, buttons: Buttons) -> None:
    incident = await product.asks()
    await buttons.press(ANA, "approve:0", await value(incident, "0" * 12))
    assert (await state_of(incident)).awaiting
    assert "it names plan 000000000000, but plan " in buttons.told[0]


async def test_a_button_of_a_closed_incident_does_nothing_to_the_next_one(
    product: Product, buttons: Buttons
) -> None:
    """The same alert fired again: its incident has the same name, and the plan is the same."""
    incident = await product.asks()
    before = json.loads(await value(incident)) | {"run": "00000000-0000-4000-8000-000000000000"}
    await buttons.press(ANA, "approve:0", json.dumps(before))
    await incident.terminate("the test")
    await buttons.press(ANA, "approve:0", json.dumps(before))
    assert all("and that is closed" in one for one in buttons.told) and len(buttons.told) == 2


async def test_a_stranger_is_refused_and_told(product: Product, buttons: Buttons) -> None:
    """What the request says of itself is not believed: it calls itself `ana`."""
    incident = await product.asks()
    await buttons.press(STRANGER, "approve:0", await value(incident))
    assert buttons.told == [
        f"Nothing was done: {STRANGER} is nobody here. Who runs this adds it to intake.slack.people."
    ]
    assert await decisions(incident) == []


async def test_a_person_who_may_not_approve_is_refused_and_told(product: Product, buttons: Buttons) -> None:
    slack = product.configuration.intake
    product.approvals(approvers=["ben"], keys=CONFIGURATION["approvals"]["keys"])
    product.configuration = product.configuration.model_copy(update={"intake": slack})
    incident = await product.asks()
    await buttons.press(ANA, "approve:0", await value(incident))
    assert buttons.told == ["It did not count: ana is not on the list of approvers."]
    assert [counted for *_, counted in await decisions(incident)] == [False]


BODY = urlencode({"payload": json.dumps({"type": "view_closed"})}).encode()


@pytest.mark.parametrize(
    ("headers", "status", "why"),
    [
        (lambda: signed(BODY, secret="another"), 401, "does not hold"),
        (lambda: signed(BODY + b"&x=1"), 401, "does not hold"),
        (lambda: signed(BODY, at=int(time.time()) - 301), 401, "apart"),
        (lambda: signed(BODY, at=int(time.time()) + 400), 401, "apart"),
        (lambda: signed(BODY) | {"X-Slack-Request-Timestamp": "now"}, 401, "not signed"),
        (lambda: signed(BODY) | {"X-Slack-Request-Timestamp": "9" * 40}, 401, "not signed"),
        (lambda: signed(BODY) | {"X-Slack-Signature": ""}, 401, "not signed"),
        (lambda: {"Content-Type": "application/x-www-form-urlencoded"}, 401, "not signed"),
        (lambda: signed(BODY) | {"Content-Type": "application/json"}, 415, "form"),
    ],
)
async def test_what_slack_did_not_sign_now_is_refused(
    buttons: Buttons, headers: Callable[[], dict[str, str]], status: int, why: str
) -> None:
    assert (await buttons.send(BODY)).status_code == 200, "as it is, it is taken"
    answer = await buttons.client.post(PATH, content=BODY, headers=headers())
    assert answer.status_code == status
    assert why in answer.json()["error"]
    assert SECRET not in answer.text


async def test_a_press_that_is_sent_again_is_refused(product: Product, buttons: Buttons) -> None:
    incident = await product.asks()
    taken = await buttons.press(ANA, "deny", await value(incident, "0" * 12))
    sent = taken.request
    again = await buttons.client.post(PATH, content=sent.content, headers=dict(sent.headers))
    assert (again.status_code, again.json()["error"]) == (401, "it was sent before")
    assert len(buttons.told) == 1


@pytest.mark.parametrize("again", ["what was denied", "what came too late"])
async def test_a_press_that_another_intake_hears_again_counts_no_second_time_though_the_same_is_asked(
    product: Product, buttons: Buttons, again: str
) -> None:
    """What one intake remembers is gone with it: the incident itself knows each press, by its signature."""
    incident = await product.asks()
    carried = await value(incident)
    denied = await buttons.press(ANA, "deny", carried)
    await until(incident, lambda state: state.phase is Phase.ESCALATED)
    late = await buttons.press(ANA, "approve:0", carried)
    sent = (denied if again == "what was denied" else late).request
    await Incidents(product.client, SIGNER).tell(incident.id, RETRY, Spoken(by="ben", through=Through.SLACK))
    await until(incident, lambda state: state.awaiting is not None)
    assert await value(incident) == carried, "the same plan is asked for"
    async with at_an_intake(product, buttons.hooks) as other:
        answer = await other.client.post(PATH, content=sent.content, headers=dict(sent.headers))
        assert answer.status_code == 200, "as far as this intake knows, it is new"
        await other.presses.settle(60)
    assert buttons.told[-1].startswith("It did not count: its signature was used already")
    assert (await state_of(incident)).awaiting


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"x" * (MOST_BODY + 1), 413),
        (b"payload=" + b"[" * 100_000, 422),
        (b"payload=%7B", 422),
        (b"payload=%22text%22", 422),
        (b"nothing", 422),
        (b"\xff\xfe", 401),
        (urlencode({"payload": json.dumps({"type": "block_actions", "user": {}})}).encode(), 422),
    ],
)
async def test_what_is_no_press_is_refused(buttons: Buttons, body: bytes, status: int) -> None:
    assert (await buttons.send(body)).status_code == status


@pytest.mark.parametrize(
    "carried", ["", "[]", '{"incident":"../x","run":"1"}', '{"incident":"ServiceDown/backend"}']
)
async def test_a_button_that_is_not_ours_does_nothing(buttons: Buttons, carried: str) -> None:
    assert (await buttons.press(ANA, "approve:0", carried)).status_code == 200
    assert buttons.told[0].startswith("Nothing was done: ")


async def test_no_answer_goes_to_a_host_that_the_request_names(product: Product, buttons: Buttons) -> None:
    incident = await product.asks()
    elsewhere = buttons.hooks.url_for("/actions/T0EXAMPLE1/1/s3cret").replace("localhost", "127.0.0.1")
    await buttons.press(ANA, "approve:0", await value(incident), response_url=elsewhere)
    assert await decisions(incident) == [("ana", Through.SLACK, True)]
    assert buttons.told == []


async def test_slack_has_its_answer_before_anything_is_decided(product: Product, buttons: Buttons) -> None:
    """Its three seconds are over long before a worker that is busy has decided."""
    go_on = threading.Event()

    def late(_: Request) -> Response:
        go_on.wait(30)
        return Response("ok")

    buttons.hooks.clear()
    buttons.hooks.expect_request("/actions/T0EXAMPLE1/1/s3cret").respond_with_handler(late)
    pressed = {
        "type": "block_actions",
        "user": {"id": STRANGER},
        "actions": [{"action_id": "deny"}],
        "response_url": buttons.hooks.url_for("/actions/T0EXAMPLE1/1/s3cret"),
    }
    body = urlencode({"payload": json.dumps(pressed)}).encode()
    try:
        async with asyncio.timeout(60):
            answer = await buttons.client.post(PATH, content=body, headers=signed(body))
        assert answer.status_code == 200 and not buttons.told
    finally:
        go_on.set()
    await buttons.presses.settle(60)
    assert len(buttons.told) == 1
