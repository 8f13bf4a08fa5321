"""What may have arrived is not sent again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from activities.notify.channel import ChannelBusy, ChannelDown
from models.configuration.channels import (
    ChannelConfig,
    DiscordChannel,
    EmailChannel,
    PagerDutyChannel,
    SlackChannel,
)
from tests.integration.notify.test_busy_channels import tell
from tests.parts.product.announcements import ROUTING_KEY, named, one, page
from tests.parts.servers.sockets import closed_port, hang_up, listening


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.mark.parametrize(("kind", "most"), [("slack", 2), ("discord", 2), ("pagerduty", 4)])
async def test_what_may_have_arrived_is_sent_once_more_at_most_where_a_repeat_is_read_twice(
    client: httpx.AsyncClient, kind: str, most: int
) -> None:
    """Each try is read, and the connection closed without an answer, as a broken proxy does."""
    tries = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await hang_up(reader, writer)

    async with listening(count) as port:
        address = f"http://127.0.0.1:{port}/hook"
        config: ChannelConfig = SlackChannel(webhook=named("SECRET"))
        if kind == "discord":
            config = DiscordChannel(webhook=named("SECRET"))
        elif kind == "pagerduty":
            config = PagerDutyChannel(routing_key=named("SECRET"), url=address)
        secrets = {"SECRET": ROUTING_KEY if kind == "pagerduty" else address}
        within = timedelta(seconds=5)
        delivered = await tell(client, {kind: config}, secrets, page(first_of=(kind,), within=within))
    assert not delivered.reached
    assert 2 <= tries <= most and (kind != "pagerduty" or tries > 2)


async def test_several_targets_of_apprise_are_not_sent_it_again_at_once(
    client: httpx.AsyncClient,
) -> None:
    address = (
        f"mailto://127.0.0.1:{closed_port()}?from=r@example.com&to=a@example.com,b@example.com&mode=insecure"
    )
    for targets, kind in ((address, ChannelDown), (address.replace(",b@example.com", ""), ChannelBusy)):
        mail = one(EmailChannel(url=named("SECRET")), client, targets)
        with pytest.raises(ChannelDown) as down:
            await mail.deliver(page())
        assert type(down.value) is kind
