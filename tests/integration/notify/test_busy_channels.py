"""A channel that is rate-limited, fails or is away for a while is tried again, within its time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.notify.announce import ChannelActivities
from activities.notify.channel import LONGEST_SILENCE, LONGEST_SILENCE_OF_PAGES, ChannelBusy
from models.configuration.channels import (
    AppriseChannel,
    ChannelConfig,
    DiscordChannel,
    PagerDutyChannel,
    SlackChannel,
)
from models.incident.announcement import Announcement, Delivered, Occasion
from tests.parts.outside.pagerduty import PagerDuty
from tests.parts.product.announcements import ROUTING_KEY, build, named, one, page
from tests.parts.servers.sockets import closed_port

SHORTLY, PATIENT = timedelta(seconds=3), timedelta(seconds=20)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


class Busy:
    """Answers with each of these once, and then takes it. `at` is when it was asked."""

    def __init__(self, *answers: Callable[[], Response]) -> None:
        self._answers = list(answers)
        self.at: list[float] = []

    def __call__(self, _: Request) -> Response:
        self.at.append(time.monotonic())
        return self._answers.pop(0)() if self._answers else Response("ok")


def limited(seconds: str) -> Callable[[], Response]:
    return lambda: Response("", 429, {"Retry-After": seconds})


def until_a_date() -> Response:
    at = datetime.now(UTC) + timedelta(seconds=2)
    return Response("", 503, {"Retry-After": format_datetime(at, usegmt=True)})


def discords_own() -> Response:
    body = '{"message": "You are being rate limited.", "retry_after": 0.6, "global": false}'
    return Response(body, 429, content_type="application/json")


def in_milliseconds() -> Response:
    """The header of Discord where the address names no version of its API."""
    body = '{"message": "You are being rate limited.", "retry_after": 0.6, "global": false}'
    return Response(body, 429, {"Retry-After": "43323"}, content_type="application/json")


def channel(kind: str, server: HTTPServer) -> ChannelConfig:
    """Its secret is called SECRET. It has time enough for the next not to be tried on a busy machine."""
    match kind:
        case "slack":
            return SlackChannel(webhook=named("SECRET"), timeout=PATIENT)
        case "discord":
            return DiscordChannel(webhook=named("SECRET"), timeout=PATIENT)
        case "pagerduty":
            return PagerDutyChannel(routing_key=named("SECRET"), url=server.url_for("/hook"), timeout=PATIENT)
        case _:
            return AppriseChannel(url=named("SECRET"), timeout=PATIENT)


def secret(kind: str, server: HTTPServer) -> str:
    if kind == "pagerduty":
        return ROUTING_KEY
    return f"json://localhost:{server.port}/hook" if kind == "apprise" else server.url_for("/hook")


async def tell(
    client: httpx.AsyncClient,
    configured: dict[str, ChannelConfig],
    secrets: dict[str, str],
    announcement: Announcement,
) -> Delivered:
    activities = ChannelActivities(build(configured, client, secrets))
    delivered: Delivered = await ActivityEnvironment().run(activities.announce, announcement)
    return delivered


@pytest.mark.parametrize(
    ("kind", "answers", "least"),
    [
        ("slack", (limited("1"),), 1.0),
        ("slack", (until_a_date,), 0.5),
        ("slack", (limited("0"), limited("Wed, 21 Oct 2015 07:28:00 GMT")), 1.5),
        ("discord", (discords_own,), 0.6),
        ("discord", (in_milliseconds,), 0.6),
        ("discord", (lambda: Response("", 500), lambda: Response("", 502)), 1.5),
        ("pagerduty", (limited("1"),), 1.0),
        ("apprise", (limited("1"), lambda: Response("", 503)), 1.5),
    ],
)
async def test_a_rate_limit_with_retry_after_and_then_200(
    client: httpx.AsyncClient,
    httpserver: HTTPServer,
    kind: str,
    answers: tuple[Callable[[], Response], ...],
    least: float,
) -> None:
    """It is sent again when the server asks for it, and no earlier; nobody else is paged."""
    busy = Busy(*answers)
    httpserver.expect_request("/hook").respond_with_handler(busy)
    configured = {kind: channel(kind, httpserver), "next": SlackChannel(webhook=named("NEXT"))}
    secrets = {"SECRET": secret(kind, httpserver), "NEXT": httpserver.url_for("/next")}
    delivered = await tell(client, configured, secrets, page(first_of=(kind, "next")))
    assert [(one.channel, one.delivered) for one in delivered.receipts] == [(kind, True)]
    assert len(busy.at) == len(answers) + 1
    assert busy.at[-1] - busy.at[0] >= least - 0.01


@pytest.mark.parametrize("kind", ["slack", "discord", "pagerduty", "apprise"])
async def test_what_is_refused_for_good_is_not_tried_again_and_named(
    client: httpx.AsyncClient, httpserver: HTTPServer, kind: str
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 403)
    httpserver.expect_request("/next").respond_with_data("ok")
    configured = {kind: channel(kind, httpserver), "next": SlackChannel(webhook=named("NEXT"))}
    secrets = {"SECRET": secret(kind, httpserver), "NEXT": httpserver.url_for("/next")}
    delivered = await tell(client, configured, secrets, page(first_of=(kind, "next")))
    refused, taken = delivered.receipts
    assert (refused.delivered, "answered 403" in refused.why, taken.delivered) == (False, True, True)
    assert [request.path for request, _ in httpserver.log] == ["/hook", "/next"]


async def test_a_limit_that_is_longer_than_the_time_of_the_channel_does_not_keep_the_next_from_paging(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    """One asks for 20 s, which its time allows, and one for an hour, which it does not."""
    httpserver.expect_request("/hook").respond_with_handler(Busy(limited("20")))
    httpserver.expect_request("/hour").respond_with_handler(Busy(limited("3600")))
    httpserver.expect_request("/next").respond_with_data("ok")
    names = {"a": "/hook", "b": "/hour", "next": "/next"}
    configured: dict[str, ChannelConfig] = {
        name: SlackChannel(webhook=named(name.upper()), retry_for=timedelta(seconds=30)) for name in names
    }
    secrets = {name.upper(): httpserver.url_for(path) for name, path in names.items()}
    async with asyncio.timeout(60):
        delivered = await tell(client, configured, secrets, page(first_of=tuple(names)))
    whys = {one.channel: one.why for one in delivered.receipts}
    assert delivered.reached
    assert whys == {
        "a": "localhost answered 429, rate-limited",
        "b": "localhost answered 429, rate-limited, and asks to wait 1 h",
        "next": "",
    }
    assert len(httpserver.log) == 3, "who was put off is not paged after somebody else was"


async def test_when_nobody_else_takes_it_the_busy_one_is_waited_for(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_handler(Busy(limited("2")))
    first = SlackChannel(webhook=named("SECRET"), timeout=timedelta(seconds=1))
    configured: dict[str, ChannelConfig] = {"busy": first, "unset": SlackChannel(webhook=named("NOT_SET"))}
    secrets = {"SECRET": httpserver.url_for("/hook")}
    delivered = await tell(client, configured, secrets, page(first_of=("busy", "unset")))
    assert delivered.reached
    assert [one.channel for one in delivered.receipts] == ["unset", "busy"]


async def test_a_channel_that_asked_to_wait_is_left_alone_by_every_incident(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    """Ten incidents at once, and a webhook that takes nothing for a second: each arrives once, after it."""
    busy = Busy(limited("1"))
    httpserver.expect_request("/hook").respond_with_handler(busy)
    slack = SlackChannel(webhook=named("SECRET"))
    activities = ChannelActivities(build({"slack": slack}, client, {"SECRET": httpserver.url_for("/hook")}))
    first = page(also_to=("slack",), within=timedelta())
    assert not (await ActivityEnvironment().run(activities.announce, first)).reached
    others = [
        ActivityEnvironment().run(activities.announce, page(incident=f"A/{n}", also_to=("slack",)))
        for n in range(9)
    ]
    assert all(one.reached for one in await asyncio.gather(*others))
    assert len(busy.at) == 1 + len(others)
    assert busy.at[1] - busy.at[0] >= 0.99, "nothing was sent before"


async def test_a_channel_that_asks_for_half_a_day_is_tried_again_in_minutes(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_handler(Busy(limited("43323")))
    slack = one(SlackChannel(webhook=named("SECRET")), client, httpserver.url_for("/hook"))
    waits = []
    for _ in range(2):
        with pytest.raises(ChannelBusy) as busy:
            await slack.deliver(page())
        waits.append(busy.value.wait)
    assert len(httpserver.log) == 1
    assert waits[0] == timedelta(seconds=43323)
    assert waits[1] and waits[1] <= LONGEST_SILENCE_OF_PAGES
    with pytest.raises(ChannelBusy) as busy:
        await slack.deliver(page(occasion=Occasion.NOTICE))
    assert busy.value.wait and LONGEST_SILENCE_OF_PAGES < busy.value.wait <= LONGEST_SILENCE


async def test_a_server_that_fails_silences_nobody_else(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    failing = Busy(lambda: Response("", 503, {"Retry-After": "60"}))
    httpserver.expect_request("/hook").respond_with_handler(failing)
    slack = one(SlackChannel(webhook=named("SECRET")), client, httpserver.url_for("/hook"))
    with pytest.raises(ChannelBusy):
        await slack.deliver(page())
    await slack.deliver(page(incident="Other/backend"))
    assert len(failing.at) == 2


async def test_no_try_outlasts_the_time_of_the_rung(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 503)
    patient: dict[str, ChannelConfig] = {
        "slack": SlackChannel(webhook=named("SECRET"), retry_for=timedelta(minutes=5))
    }
    secrets = {"SECRET": httpserver.url_for("/hook")}
    for within, tries in ((timedelta(), 1), (timedelta(seconds=1), 2)):
        httpserver.clear_log()
        async with asyncio.timeout(60):
            delivered = await tell(client, patient, secrets, page(first_of=("slack",), within=within))
        assert (delivered.reached, len(httpserver.log)) == (False, tries)


async def test_the_pager_is_away_for_some_seconds(client: httpx.AsyncClient) -> None:
    """Nothing listens where it was: it is asked until it is back, and the rung is reached."""
    port, there = closed_port(), PagerDuty()
    configured: dict[str, ChannelConfig] = {
        "pager": PagerDutyChannel(routing_key=named("SECRET"), url=f"http://127.0.0.1:{port}/enqueue")
    }
    telling = asyncio.create_task(
        tell(client, configured, {"SECRET": ROUTING_KEY}, page(first_of=("pager",)))
    )
    await asyncio.sleep(1.5)  # how long it is away
    back = HTTPServer(host="127.0.0.1", port=port)
    back.expect_request("/enqueue").respond_with_handler(there.answer)
    back.start()
    try:
        async with asyncio.timeout(60):
            assert (await telling).reached
    finally:
        back.clear()
        back.stop()
    assert there.woken == [ROUTING_KEY]


async def test_a_channel_that_stays_busy_is_given_up_at_the_end_of_its_time(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 503)
    configured: dict[str, ChannelConfig] = {"slack": SlackChannel(webhook=named("SECRET"), retry_for=SHORTLY)}
    secrets = {"SECRET": httpserver.url_for("/hook")}
    delivered = await tell(client, configured, secrets, page(first_of=("slack",), also_to=("slack",)))
    assert not delivered.reached
    [receipt] = delivered.receipts
    assert receipt.why == f"localhost answered 503 (tried {len(httpserver.log)} times)"
    assert 2 <= len(httpserver.log) <= 4
