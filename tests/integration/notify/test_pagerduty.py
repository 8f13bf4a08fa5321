"""PagerDuty's Events API v2, as it is documented, behind a real HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from activities.notify.channel import Channel, ChannelDown, NotMeant
from models.configuration.channels import PagerDutyChannel
from models.incident.announcement import Announcement, Occasion, Paged
from models.names import Severity
from tests.parts.outside.pagerduty import PagerDuty
from tests.parts.product.announcements import AT_THE_INTAKE, IN_TEMPORAL, ROUTING_KEY, build, named, one, page

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
    assert httpserver.log[0][0].json == {
        "routing_key": ROUTING_KEY,
        "event_action": "trigger",
        "dedup_key": "ServiceDown/backend/1a2b3c4d-0000-4000-8000-000000000000/On-Call",
        "client": "Durable runbooks",
        "client_url": IN_TEMPORAL.address,
        "links": [{"href": one.address, "text": one.says} for one in (IN_TEMPORAL, AT_THE_INTAKE)],
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


ROLES = ("on-call", "team-lead", "cto")


def ended(*roles: str) -> Announcement:
    ends = tuple(Paged(channel="it", role=role) for role in roles)
    return page(occasion=Occasion.RESOLVED, role="cto", ends=ends)


async def test_team_lead_and_cto_are_reached_by_the_same_key(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    """Each rung opens a page of its own; being told again, or asked, none; the end closes all of them."""
    there = PagerDuty()
    httpserver.expect_request("/v2/enqueue").respond_with_handler(there.answer)
    channel = pagerduty(client, httpserver)
    for role in ROLES:
        await channel.deliver(page(role=role))
    await channel.deliver(page(role="cto", occasion=Occasion.APPROVAL))
    assert there.woken == [ROUTING_KEY] * 3
    assert sorted(key.rpartition("/")[2] for _, key in there.open) == sorted(ROLES)
    await channel.deliver(ended(*ROLES))
    assert there.open == {}
    assert [request.json["event_action"] for request, _ in httpserver.log][-3:] == ["resolve"] * 3


async def test_a_role_with_a_service_of_its_own_is_paged_and_resolved_there(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    there = PagerDuty()
    httpserver.expect_request("/v2/enqueue").respond_with_handler(there.answer)
    config = PagerDutyChannel(
        routing_key=named("SECRET"),
        routing_keys={"cto": named("OF_CTO"), "dba": named("OF_DBA")},
        url=httpserver.url_for("/v2/enqueue"),
    )
    channel = build({"it": config}, client, {"SECRET": ROUTING_KEY, "OF_CTO": "c" * 32})["it"]
    for role in ("on-call", "cto"):
        await channel.deliver(page(role=role))
    assert there.woken == [ROUTING_KEY, "c" * 32]
    await channel.deliver(ended("on-call", "cto"))
    assert there.open == {}
    with pytest.raises(ChannelDown, match=r"^it has no key for dba: set \$OF_DBA$"):
        await channel.deliver(page(role="dba"))


async def test_a_key_that_is_missing_leaves_no_page_of_another_role_open(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    there = PagerDuty()
    httpserver.expect_request("/v2/enqueue").respond_with_handler(there.answer)
    config = PagerDutyChannel(
        routing_key=named("SECRET"),
        routing_keys={"cto": named("OF_CTO")},
        url=httpserver.url_for("/v2/enqueue"),
    )
    channel = one(config, client, ROUTING_KEY)
    await channel.deliver(page(role="on-call"))
    with pytest.raises(ChannelDown, match="no key for cto"):
        await channel.deliver(ended("cto", "on-call"))
    assert there.open == {}


async def test_a_limit_of_one_routing_key_does_not_silence_another(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    there = PagerDuty()

    def limited(request: Request) -> Response:
        if request.get_json()["routing_key"] == ROUTING_KEY:
            return Response("", 429, {"Retry-After": "60"})
        return there.answer(request)

    httpserver.expect_request("/v2/enqueue").respond_with_handler(limited)
    config = PagerDutyChannel(
        routing_key=named("SECRET"),
        routing_keys={"cto": named("OF_CTO")},
        url=httpserver.url_for("/v2/enqueue"),
    )
    channel = build({"it": config}, client, {"SECRET": ROUTING_KEY, "OF_CTO": "c" * 32})["it"]
    for role in ("on-call", "team-lead"):  # of one key
        with pytest.raises(ChannelDown, match="rate-limited"):
            await channel.deliver(page(role=role))
    assert len(httpserver.log) == 1
    await channel.deliver(page(role="cto"))
    assert there.woken == ["c" * 32]


async def test_the_page_of_a_warning_is_closed_although_it_is_critical_now(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    there = PagerDuty()
    httpserver.expect_request("/v2/enqueue").respond_with_handler(there.answer)
    config = PagerDutyChannel(
        routing_key=named("SECRET"),
        severities=(Severity.WARNING,),
        url=httpserver.url_for("/v2/enqueue"),
    )
    channel = one(config, client, ROUTING_KEY)
    await channel.deliver(page(severity=Severity.WARNING))
    with pytest.raises(NotMeant):
        await channel.deliver(page(severity=Severity.CRITICAL))
    await channel.deliver(ended("On-Call"))
    assert there.open == {}


async def test_a_role_of_an_incident_with_an_endless_name_has_its_own_key(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    there = PagerDuty()
    httpserver.expect_request("/v2/enqueue").respond_with_handler(there.answer)
    channel = pagerduty(client, httpserver)
    for role in ROLES:
        await channel.deliver(page(role=role, incident=f"{'A' * 500}/{'b' * 400}"))
    assert there.woken == [ROUTING_KEY] * 3


async def test_an_end_of_what_was_never_paged_there_is_not_sent(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    with pytest.raises(NotMeant):
        await pagerduty(client, httpserver).deliver(ended())
    assert httpserver.log == []


async def test_pagerduty_hears_of_no_notice(client: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    with pytest.raises(NotMeant):
        await pagerduty(client, httpserver).deliver(page(occasion=Occasion.NOTICE))
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
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
