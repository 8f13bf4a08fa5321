"""One announcement to the channels of a rung: in order, beside one another, and never twice."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.client import WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.notify.announce import ChannelActivities
from activities.notify.channel import BoundedChannel, TimedChannel
from models.configuration.channels import PagerDutyChannel, SlackChannel
from models.incident.announcement import Announcement, Delivered, Occasion, Paged, Receipt
from models.names import Severity
from tests.parts.outside.pagerduty import PagerDuty
from tests.parts.product.announcements import ROUTING_KEY, WEBHOOK_PATH, build, named, page
from tests.parts.product.announcing_worker import Announce
from tests.parts.requirements import missing
from tests.parts.servers.sockets import closed_port, listening, silence

ROOT = Path(__file__).parents[3]
QUICKLY = timedelta(milliseconds=300)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
async def channels(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> AsyncIterator[dict[str, TimedChannel]]:
    """`well` and `also` take everything; the others are down, each in its own way."""
    for name in ("well", "also"):
        httpserver.expect_request(f"/{name}{WEBHOOK_PATH}").respond_with_data("ok")
    httpserver.expect_request(f"/full{WEBHOOK_PATH}").respond_with_data("", 429)
    httpserver.expect_request(f"/broken{WEBHOOK_PATH}").respond_with_data("", 500)
    async with listening(silence) as slow:
        origins = {name: httpserver.url_for(f"/{name}") for name in ("well", "also", "full", "broken")}
        origins |= {"slow": f"http://localhost:{slow}", "gone": f"http://localhost:{closed_port()}"}
        secrets = {name.upper(): origin + WEBHOOK_PATH for name, origin in origins.items()}
        configured = {
            name: SlackChannel(webhook=named(name.upper()), timeout=QUICKLY, retry_for=timedelta())
            for name in origins
        }
        warnings = SlackChannel(webhook=named("WELL"), severities=(Severity.WARNING,))
        unset = SlackChannel(webhook=named("NOT_SET"))
        yield build(configured | {"warnings": warnings, "unset": unset}, client, secrets)


async def announce(
    channels: Mapping[str, TimedChannel],
    announcement: Announcement,
    environment: ActivityEnvironment | None = None,
) -> Delivered:
    environment = environment or ActivityEnvironment()
    delivered: Delivered = await environment.run(ChannelActivities(channels).announce, announcement)
    return delivered


def told(httpserver: HTTPServer) -> list[str]:
    return [request.path.split("/")[1] for request, _ in httpserver.log]


async def test_the_first_that_accepts_ends_the_search(
    channels: dict[str, TimedChannel], httpserver: HTTPServer
) -> None:
    rung = ("nobody", "unset", "gone", "slow", "full", "broken", "well", "also")
    delivered = await announce(channels, page(first_of=rung))
    assert delivered.reached
    assert [(receipt.channel, receipt.why) for receipt in delivered.receipts] == [
        ("nobody", "there is no channel of this name in the configuration"),
        ("unset", "unset has no address or key: set $NOT_SET"),
        ("gone", "cannot connect to localhost"),
        ("slow", "no answer within 0.3 s"),
        ("full", "localhost answered 429, rate-limited"),
        ("broken", "localhost answered 500"),
        ("well", ""),
    ]
    assert told(httpserver) == ["full", "broken", "well"]
    assert not any(part in delivered.model_dump_json() for part in WEBHOOK_PATH.strip("/").split("/")[1:])


async def test_a_rung_that_nobody_answers_is_not_reached(channels: dict[str, TimedChannel]) -> None:
    delivered = await announce(channels, page(first_of=("gone", "broken"), also_to=("well",)))
    assert not delivered.reached
    assert {receipt.channel for receipt in delivered.receipts if receipt.delivered} == {"well"}


async def test_the_broadcast_hears_it_beside_a_slow_rung(
    channels: dict[str, TimedChannel], httpserver: HTTPServer
) -> None:
    began = time.monotonic()
    delivered = await announce(channels, page(first_of=("slow", "well"), also_to=("slow", "also", "gone")))
    assert time.monotonic() - began < 3 * QUICKLY.total_seconds()
    assert delivered.reached
    assert told(httpserver) == ["also", "well"]


async def test_a_channel_of_both_lists_is_told_once(
    channels: dict[str, TimedChannel], httpserver: HTTPServer
) -> None:
    delivered = await announce(channels, page(first_of=("well",), also_to=("well", "well")))
    assert delivered == Delivered(receipts=(Receipt(channel="well", delivered=True),), reached=True)
    assert told(httpserver) == ["well"]


@pytest.mark.parametrize(("also_to", "reached"), [(("gone", "well"), True), (("gone",), False), ((), False)])
async def test_without_a_rung_the_broadcast_is_what_counts(
    channels: dict[str, TimedChannel], also_to: tuple[str, ...], reached: bool
) -> None:
    assert (await announce(channels, page(also_to=also_to))).reached is reached


async def test_a_channel_that_is_not_meant_has_no_receipt(
    channels: dict[str, TimedChannel], httpserver: HTTPServer
) -> None:
    delivered = await announce(channels, page(first_of=("warnings", "also"), also_to=("warnings",)))
    assert [receipt.channel for receipt in delivered.receipts] == ["also"]
    assert told(httpserver) == ["also"]


async def test_a_page_is_closed_where_it_is_open_also_when_another_channel_takes_the_end(
    client: httpx.AsyncClient, channels: dict[str, TimedChannel], httpserver: HTTPServer
) -> None:
    there = PagerDuty()
    httpserver.expect_request("/enqueue").respond_with_handler(there.answer)
    pager = PagerDutyChannel(routing_key=named("KEY"), url=httpserver.url_for("/enqueue"))
    channels |= build({"pager": pager}, client, {"KEY": ROUTING_KEY})
    await announce(channels, page(first_of=("pager",), role="on-call"))
    ends = tuple(Paged(channel=name, role="on-call") for name in ("gone", "pager", "unset"))
    over = page(occasion=Occasion.RESOLVED, first_of=("well",), also_to=("also",), ends=ends)
    delivered = await announce(channels, over)
    assert there.open == {}
    assert {receipt.channel for receipt in delivered.receipts} == {"well", "also", "pager"}


async def test_a_page_that_stays_open_is_named_although_another_channel_takes_the_end(
    client: httpx.AsyncClient, channels: dict[str, TimedChannel]
) -> None:
    pager = PagerDutyChannel(
        routing_key=named("KEY"), url=f"http://localhost:{closed_port()}", retry_for=timedelta()
    )
    channels |= build({"pager": pager}, client, {"KEY": ROUTING_KEY})
    ends = tuple(Paged(channel=name, role="on-call") for name in ("pager", "gone"))
    over = page(occasion=Occasion.RESOLVED, first_of=("pager", "well"), ends=ends)
    delivered = await announce(channels, over)
    assert (delivered.reached, delivered.left_open) == (True, ("pager",))


async def test_a_mistake_in_one_channel_does_not_keep_the_next_from_paging(
    channels: dict[str, TimedChannel],
) -> None:
    class Mistaken:
        name = "mistaken"
        keeps_pages_open = False

        async def deliver(self, announcement: Announcement) -> None:
            raise KeyError("https://hooks.example/s3cret")

    both = {**channels, "mistaken": BoundedChannel(Mistaken(), (), QUICKLY, QUICKLY)}
    delivered = await announce(both, page(first_of=("mistaken", "well"), also_to=("mistaken",)))
    assert delivered.reached
    assert delivered.receipts[0].why == "failed with an internal error (KeyError)"


async def test_a_retry_tells_only_those_who_have_not_heard(
    channels: dict[str, TimedChannel], httpserver: HTTPServer
) -> None:
    first = ActivityEnvironment()
    beats: list[Delivered] = []
    first.on_heartbeat = beats.append
    announcement = page(first_of=("gone", "well"), also_to=("also",))
    await announce(channels, announcement, first)
    again = ActivityEnvironment()
    details = pydantic_data_converter.payload_converter.to_payloads([beats[-1]])
    carried = pydantic_data_converter.payload_converter.from_payloads(details)
    again.info = dataclasses.replace(again.info, attempt=2, heartbeat_details=carried)
    delivered = await announce(channels, announcement, again)
    assert delivered.reached
    assert sorted(told(httpserver)) == ["also", "well"]


def temporal_binary() -> str:
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    return binary or missing("the binary `temporal` is not installed")


async def start_worker(*arguments: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "tests.parts.product.announcing_worker", *arguments)
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT)


async def slack_in_heartbeat(handle: WorkflowHandle[Announce, Delivered]) -> None:
    """Wait until the server knows that Slack has it."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        description = await handle.describe()
        for pending in description.raw_description.pending_activities:
            if b"slack" in pending.heartbeat_details.SerializeToString():
                return
        await asyncio.sleep(0.05)  # between two looks of a bounded wait
    pytest.fail("no heartbeat ever told of Slack")


async def test_a_worker_that_is_killed_in_a_rung_pages_nobody_twice(httpserver: HTTPServer) -> None:
    """The broadcast was delivered, PagerDuty hangs, `kill -9`: the next worker tells PagerDuty only."""
    httpserver.expect_request(WEBHOOK_PATH).respond_with_data("ok")
    httpserver.expect_request("/enqueue").respond_with_json({}, status=202)
    slack = httpserver.url_for(WEBHOOK_PATH)
    server = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter, dev_server_existing_path=temporal_binary()
    )
    async with server, listening(silence) as hanging:
        address, queue = server.client.service_client.config.target_host, f"announce-{uuid4()}"
        doomed = await start_worker(address, queue, slack, f"http://127.0.0.1:{hanging}/enqueue")
        handle = await server.client.start_workflow(
            Announce.run,
            page(first_of=("pagerduty",), also_to=("slack",)),
            id=f"announce-{uuid4()}",
            task_queue=queue,
        )
        await slack_in_heartbeat(handle)
        doomed.kill()
        await doomed.wait()
        successor = await start_worker(address, queue, slack, httpserver.url_for("/enqueue"))
        try:
            async with asyncio.timeout(60):
                delivered = await handle.result()
        finally:
            successor.kill()
            await successor.wait()
    assert delivered.reached
    assert {receipt.channel for receipt in delivered.receipts if receipt.delivered} == {"slack", "pagerduty"}
    assert [request.path for request, _ in httpserver.log] == [WEBHOOK_PATH, "/enqueue"]
