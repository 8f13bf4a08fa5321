"""PagerDuty's Events API v2, as it is documented, behind a real HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from activities.notify.channel import Channel, ChannelDown, NotMeant
from models.configuration.channels import PagerDutyChannel
from models.incident.announcement import Occasion
from tests.parts.product.announcements import ROUTING_KEY, named, one, page

JSON = "application/json"
INVALID = f'{{"message": "Event object is invalid", "errors": ["routing_key {ROUTING_KEY} is unknown"]}}'


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def pagerduty(client: httpx.AsyncClient, server: HTTPServer) -> Channel:
    config = PagerDutyChannel(routing_key=named("SECRET"), url=server.url_for("/v2/enqueue"))
    return one(config, client, ROUTING_KEY)


@pytest.mark.parametrize("occasion", [Occasion.PAGE, Occasion.APPROVAL])
async def test_pagerduty_is_triggered_as_events_v2_documents_it(
    client: httpx.AsyncClient, httpserver: HTTPServer, occasion: Occasion
) -> None:
    httpserver.expect_request("/v2/enqueue", "POST").respond_with_json({"status": "success"}, status=202)
    await pagerduty(client, httpserver).deliver(page(occasion=occasion))
    link = "http://localhost:8080/incidents/ServiceDown/backend"
    assert httpserver.log[0][0].json == {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "ServiceDown/backend/1a2b3c4d-0000-4000-8000-000000000000",
        "client": "Durable runbooks",
        "client_url": link,
        "links": [{"href": link, "text": "Open the incident"}],
        "payload": {
            "summary": "backend is down",
            "source": "backend",
            "severity": "critical",
            "component": "backend",
            "class": "ServiceDown",
            "custom_details": {
                "role": "On-Call",
                "occasion": occasion.value,
                "text": "connection refused at http://localhost:3000/health",
            },
        },
    }


async def test_pagerduty_is_resolved_under_the_key_of_its_trigger(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/v2/enqueue").respond_with_json({}, status=202)
    channel = pagerduty(client, httpserver)
    await channel.deliver(page())
    await channel.deliver(page(role="CTO"))
    await channel.deliver(page(occasion=Occasion.RESOLVED))
    events = [request.json for request, _ in httpserver.log]
    assert len({event["dedup_key"] for event in events}) == 1
    assert events[2] == {**events[2], "event_action": "resolve"} and "payload" not in events[2]


async def test_pagerduty_hears_of_no_notice(client: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    with pytest.raises(NotMeant):
        await pagerduty(client, httpserver).deliver(page(occasion=Occasion.NOTICE))
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response("{}", 429, {"Retry-After": "30"}), "answered 429, rate-limited for 30 s"),
        (Response("{}", 429, {"Retry-After": "<soon>"}), "answered 429, rate-limited$"),
        (Response("", 500), "answered 500$"),
        (Response("<html>nginx</html>", 503, content_type="text/html"), "answered 503$"),
        (Response("", 302, {"Location": "http://evil.example/"}), "answered 302$"),
        (
            Response(INVALID, 400, content_type=JSON),
            "Event object is invalid; routing_key [*]{3} is unknown$",
        ),
        (Response("[" * 100_000, 400, content_type=JSON), "answered 400$"),
    ],
)
async def test_pagerduty_that_refuses_is_down_with_its_words(
    client: httpx.AsyncClient, httpserver: HTTPServer, answer: Response, why: str
) -> None:
    httpserver.expect_request("/v2/enqueue").respond_with_response(answer)
    with pytest.raises(ChannelDown, match=why) as down:
        await pagerduty(client, httpserver).deliver(page())
    assert ROUTING_KEY not in str(down.value)
