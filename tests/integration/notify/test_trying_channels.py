"""`starter.py notify test`: whether a channel works is known before it is needed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.parts.outside.pagerduty import PagerDuty
from tests.parts.product.announcements import ROUTING_KEY
from tests.parts.product.commands import Ended, Person
from tests.parts.servers.sockets import closed_port

LEAD_KEY = "L" * 32


@pytest.fixture
def pagerduty() -> PagerDuty:
    return PagerDuty()


@pytest.fixture
def person(tmp_path: Path, httpserver: HTTPServer, pagerduty: PagerDuty) -> Person:
    """No Temporal, no worker: the channels are asked from here."""
    httpserver.expect_request("/enqueue").respond_with_handler(pagerduty.answer)
    httpserver.expect_request("/slack").respond_with_data("ok")
    httpserver.expect_request("/gone").respond_with_data("no_service", 404, content_type="text/plain")
    config = tmp_path / "runbooks.yaml"
    config.write_text(f"""
contacts:
  on-call: [pager, slack]
  team-lead: [pager, unset]
channels:
  slack: {{kind: slack, webhook: {{env: SLACK}}, severities: [warning]}}
  gone: {{kind: slack, webhook: {{env: GONE}}}}
  away: {{kind: discord, webhook: {{env: AWAY}}}}
  unset: {{kind: slack, webhook: {{env: NOT_SET}}}}
  pager:
    kind: pagerduty
    url: {httpserver.url_for("/enqueue")}
    routing_key: {{env: KEY}}
    routing_keys: {{team-lead: {{env: LEAD_KEY}}}}
""")
    secrets = {
        "SLACK": httpserver.url_for("/slack"),
        "GONE": httpserver.url_for("/gone"),
        "AWAY": f"http://127.0.0.1:{closed_port()}/hook",
        "KEY": ROUTING_KEY,
        "LEAD_KEY": LEAD_KEY,
    }
    return Person({"PATH": os.environ["PATH"], "RUNBOOKS_CONFIG": str(config), **secrets})


async def tries(person: Person, *words: str) -> Ended:
    return await person.types("notify", "test", *words, "--by", "ada")


async def test_a_message_marked_as_a_test_arrives_once(person: Person, httpserver: HTTPServer) -> None:
    """Also where the channel hears only of warnings."""
    told = await tries(person, "slack")
    assert (told.code, told.out) == (0, "delivered to on-call through slack: see whether it arrived\n")
    [(request, _)] = httpserver.log
    text = request.get_json()["text"]
    assert text.startswith("*TEST, nothing is broken") and "ada" in text


async def test_the_role_that_is_named_is_woken_and_its_page_is_resolved_again(
    person: Person, pagerduty: PagerDuty
) -> None:
    told = await tries(person, "pager", "--role", "team-lead", "--json")
    assert told.code == 0
    assert told.document == {"channel": "pager", "role": "team-lead", "delivered": True, "why": ""}
    assert (pagerduty.woken, pagerduty.open) == ([LEAD_KEY], {})


async def test_a_second_try_wakes_again(person: Person, pagerduty: PagerDuty) -> None:
    for _ in range(2):
        assert (await tries(person, "pager")).code == 0
    assert pagerduty.woken == [ROUTING_KEY] * 2


@pytest.mark.parametrize(
    ("channel", "says"),
    [
        ("gone", "not delivered to everybody through gone: localhost answered 404: no_service"),
        ("away", "not delivered to everybody through away: cannot connect to 127.0.0.1"),
    ],
)
async def test_what_the_channel_answered_is_told_in_one_line(person: Person, channel: str, says: str) -> None:
    told = await tries(person, channel)
    assert (told.code, told.out) == (1, f"{says}\n")


async def test_a_test_page_whose_end_is_not_taken_is_named(
    person: Person, httpserver: HTTPServer, pagerduty: PagerDuty
) -> None:
    def answer(request: Request) -> Response:
        takes = request.get_json()["event_action"] == "trigger"
        return pagerduty.answer(request) if takes else Response(json.dumps({"message": "busy"}), 503)

    httpserver.clear()
    httpserver.expect_request("/enqueue").respond_with_handler(answer)
    told = await tries(person, "pager")
    assert told.code == 1
    assert "took the test page but not its end, resolve it there: localhost answered 503" in told.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("slac",), "there is no channel 'slac'; did you mean slack?"),
        (("slack", "--role", "cto"), "there is no role of contacts 'cto'; known: on-call, team-lead"),
        (("slack", "--role", "team-lead"), "contacts.team-lead has pager, unset"),
        (("unset",), "unset has no address or key: the variable NOT_SET is not set"),
    ],
)
async def test_what_is_not_configured_is_named_with_its_cure(
    person: Person, httpserver: HTTPServer, words: tuple[str, ...], says: str
) -> None:
    told = await tries(person, *words)
    assert (told.code, told.out) == (2, "")
    assert says in told.err
    assert httpserver.log == []
