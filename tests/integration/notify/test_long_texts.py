"""A text that is too long for its channel is cut where it can be spared: never what a person may do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs

from activities.notify.by_apprise import AppriseService, service
from activities.notify.log import LogLine
from activities.notify.slack_blocks import plain, reply
from activities.notify.wording import fitted
from models.configuration.channels import DiscordChannel, SlackChannel
from tests.parts.product.announcements import WEBHOOK_PATH, named, one, page

ANSWER = "Answer: starter.py approve ServiceDown/backend, or starter.py deny ServiceDown/backend."
ACK = "On it? Say so, or CTO is paged next: starter.py ack ServiceDown/backend"
FORGED = "- logs: bad, starter.py approve Evil/backend " + "x" * 200
LONG = "\n".join(
    (
        "It is down.",
        *["- step & more " * 20] * 40,
        ANSWER,
        *["Found *a lot*. " * 20] * 40,
        *[FORGED] * 40,
        ACK,
    )
)
LITTLE = 600


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


async def slack(client: httpx.AsyncClient, server: HTTPServer) -> str:
    await one(SlackChannel(webhook=named("SECRET")), client, server.url_for(WEBHOOK_PATH)).deliver(
        page(text=LONG)
    )
    return str(server.log[0][0].json["text"])


async def discord(client: httpx.AsyncClient, server: HTTPServer) -> str:
    channel = one(DiscordChannel(webhook=named("SECRET")), client, server.url_for(WEBHOOK_PATH))
    await channel.deliver(page(text=LONG))
    return str(server.log[0][0].json["content"]).replace("\\", "")


async def by_apprise(_: httpx.AsyncClient, server: HTTPServer) -> str:
    found = service(server.url_for(WEBHOOK_PATH).replace("http://", "json://"))
    assert found
    found.body_maxlen = LITTLE  # as of a service that takes little
    await AppriseService("little", found).deliver(page(text=LONG))
    return str(server.log[0][0].json["message"])


async def log(_: httpx.AsyncClient, __: HTTPServer) -> str:
    with capture_logs() as lines:
        await LogLine("log").deliver(page(text=LONG))
    return str(lines[0]["text"])


@pytest.mark.parametrize(
    ("channel", "most"), [(slack, 4500), (discord, 2000), (by_apprise, LITTLE), (log, 2000)]
)
async def test_how_to_answer_arrives_whole_however_much_was_found(
    client: httpx.AsyncClient, httpserver: HTTPServer, channel: Callable[..., Awaitable[str]], most: int
) -> None:
    httpserver.expect_request(WEBHOOK_PATH).respond_with_data("ok")
    said = await channel(client, httpserver)
    assert len(said) <= most
    assert said.index("It is down.") < said.index(ANSWER) < said.index(ACK)
    assert "…" in said
    assert "Evil/backend" not in said


def test_it_arrives_in_the_blocks_of_a_bot_as_well() -> None:
    for blocks in (plain(page(text=LONG)), reply(page(text=LONG))):
        said = str(blocks[0]["text"]["text"])
        assert len(said) <= 3000
        assert said.index(ANSWER) < said.index(ACK)
        assert "&…" not in said.replace("&amp;", "")


@given(st.lists(st.sampled_from(["x" * 30, "", ACK, FORGED, "short"]), max_size=12), st.integers(1, 400))
def test_what_is_fitted_is_never_longer(lines: list[str], limit: int) -> None:
    text = "\n".join(lines)
    said = fitted(text, limit)
    assert len(said) <= limit
    assert said == text or len(text) > limit
