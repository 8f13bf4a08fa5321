"""A try that is still under way at one channel when another one accepts: it may arrive all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.testing import ActivityEnvironment
from werkzeug import Request, Response

from activities.notify.announce import ChannelActivities
from models.configuration.channels import ChannelConfig, PagerDutyChannel, SlackChannel
from models.incident.announcement import Delivered
from tests.parts.outside.pagerduty import PagerDuty
from tests.parts.product.announcements import ROUTING_KEY, build, named, page
from tests.parts.servers.sockets import listening, silence

SECOND = timedelta(seconds=1)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def pager() -> Iterator[HTTPServer]:
    """A server of its own: it answers while the other one does."""
    server = HTTPServer(host="127.0.0.1")
    server.start()
    yield server
    server.clear()
    server.stop()


class LimitedFirst:
    """Asks to wait for two seconds, and then takes it. `taken` is set once it did."""

    def __init__(self) -> None:
        self.taken = threading.Event()
        self._asked = False

    def __call__(self, _: Request) -> Response:
        if self._asked:
            self.taken.set()
            return Response("ok")
        self._asked = True
        return Response("", 429, {"Retry-After": "2"})


async def overtaken(
    client: httpx.AsyncClient, slack: HTTPServer, second: ChannelConfig, secret: str
) -> Delivered:
    """Slack is put off, the second channel is tried meanwhile, and Slack accepts before that one answers."""
    first = SlackChannel(webhook=named("FIRST"), timeout=SECOND)
    secrets = {"FIRST": slack.url_for("/hook"), "SECOND": secret}
    activities = ChannelActivities(build({"first": first, "second": second}, client, secrets))
    delivered: Delivered = await ActivityEnvironment().run(
        activities.announce, page(first_of=("first", "second"))
    )
    return delivered


async def test_the_answer_of_a_pager_is_waited_for_so_that_its_page_can_be_resolved(
    client: httpx.AsyncClient, httpserver: HTTPServer, pager: HTTPServer
) -> None:
    limited, there = LimitedFirst(), PagerDuty()

    def late(request: Request) -> Response:
        answer = there.answer(request)
        limited.taken.wait(15)
        time.sleep(0.3)  # it answers after Slack did, as the test is about
        return answer

    httpserver.expect_request("/hook").respond_with_handler(limited)
    pager.expect_request("/enqueue").respond_with_handler(late)
    config = PagerDutyChannel(routing_key=named("SECOND"), url=pager.url_for("/enqueue"), timeout=20 * SECOND)
    delivered = await overtaken(client, httpserver, config, ROUTING_KEY)
    assert there.woken == [ROUTING_KEY]
    assert delivered.reached
    assert {one.channel: one.delivered for one in delivered.receipts} == {"first": True, "second": True}


async def test_a_webhook_that_did_not_answer_yet_is_named_and_not_waited_for(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_handler(LimitedFirst())
    began = time.monotonic()
    async with listening(silence) as port:
        config = SlackChannel(webhook=named("SECOND"), timeout=60 * SECOND)
        delivered = await overtaken(client, httpserver, config, f"http://127.0.0.1:{port}/hook")
    assert time.monotonic() - began < 30
    whys = {one.channel: one.why for one in delivered.receipts}
    assert whys == {"first": "", "second": "another channel accepted before it answered"}
