"""A Discord webhook: the first message of an incident shows how it stands, and what is told comes once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs
from temporalio.testing import ActivityEnvironment
from werkzeug import Response

from activities.notify.announce import ChannelActivities
from activities.notify.channel import ChannelBusy, Place, TimedChannel
from models.configuration.channels import DiscordChannel
from models.incident.announcement import Occasion, Posted
from tests.integration.notify.test_slack_bot import BEGAN, message, short
from tests.parts.outside.discord import PATH, Discord, limited
from tests.parts.product.announcements import named, one, page

HOSTILE = "@everyone **now** [here](http://evil.example)\n# big <t:1:R>"


@pytest.fixture
def discord(httpserver: HTTPServer) -> Discord:
    discord = Discord()
    for method in ("POST", "PATCH"):
        httpserver.expect_request(re.compile(f"{PATH}.*"), method).respond_with_handler(discord.answer)
    return discord


@pytest.fixture
async def channel(httpserver: HTTPServer) -> AsyncIterator[TimedChannel]:
    config = DiscordChannel(webhook=named("SECRET"), timeout=timedelta(seconds=20))
    async with httpx.AsyncClient() as client:
        yield one(config, client, httpserver.url_for(PATH))


def later(place: Place | None, version: int = 2, occasion: Occasion = Occasion.PROGRESS, **shown: Any) -> Any:
    """What is told next, when the first message is there."""
    posted = (Posted(channel="it", place=place.at if place else ""),)
    now = short(**{"version": version, "choices": (), **shown})
    return message(str(version), shown=now, occasion=occasion, posted=posted, title=f"told {version}")


async def test_the_first_message_is_edited_as_the_incident_goes_on(
    discord: Discord, channel: TimedChannel
) -> None:
    place = await channel.deliver(message())
    assert place == Place(next(iter(discord.messages)))
    assert discord.contents[0].startswith("**backend is down**\n"), "the first one is the page itself"
    await channel.deliver(later(place, outcome="", done=("restart backend",), acknowledged_by="ana"))
    assert discord.calls == ["POST", "PATCH"]
    (stands,) = discord.contents
    assert stands.splitlines()[:2] == [
        "**critical: ServiceDown/backend**",
        f"since <t:{int(BEGAN.timestamp())}:T>",
    ]
    for expected in (
        "cause: bad",
        "done: restart backend",
        "with ana",
        "<http://localhost:8080/incidents/Ser",
    ):
        assert expected in stands
    await channel.deliver(later(place, 3, outcome="ServiceDown on backend: resolved"))
    assert "ServiceDown on backend: resolved" in discord.contents[0]


async def test_what_is_asked_comes_as_a_message_of_its_own_and_stands_in_the_first(
    discord: Discord, channel: TimedChannel
) -> None:
    place = await channel.deliver(message(shown=short(choices=())))
    asked = later(place, occasion=Occasion.APPROVAL, choices=short().choices)
    assert await channel.deliver(asked) == place
    first, question = discord.contents
    assert question.startswith("**told 2**"), "nobody is notified of an edit"
    assert "asked: plan a1b2c3d4e5f6: roll backend back to shop:41" in first
    assert "starter.py approve ServiceDown/backend" in first.replace("\\", "")
    until = int((BEGAN + timedelta(hours=4)).timestamp())
    assert f"an answer counts until <t:{until}:T>" in first


async def test_an_older_state_never_overwrites_a_newer_one(discord: Discord, channel: TimedChannel) -> None:
    place = await channel.deliver(message())
    await channel.deliver(later(place, 7, cause="the newer"))
    await channel.deliver(later(place, 6, cause="the older"))
    assert "the newer" in discord.contents[0]


async def test_what_is_told_at_the_same_time_has_one_first_message(
    discord: Discord, channel: TimedChannel
) -> None:
    """Neither knows where the other's is."""
    places = await asyncio.gather(
        channel.deliver(message("1")),
        channel.deliver(message("2", title="also", occasion=Occasion.NOTICE)),
    )
    assert len(set(places)) == 1
    assert sorted(discord.calls) == ["PATCH", "POST", "POST"]


async def test_a_message_that_somebody_deleted_keeps_nothing_from_being_told(
    discord: Discord, channel: TimedChannel
) -> None:
    place = await channel.deliver(message())
    discord.messages.clear()
    assert await channel.deliver(later(place, occasion=Occasion.RESOLVED)) == place
    assert [one.partition("\n")[0] for one in discord.contents] == ["**told 2**"]


@pytest.mark.parametrize("answer", [limited, lambda: Response("", 500)])
async def test_an_edit_that_fails_sends_no_page_again(
    discord: Discord, channel: TimedChannel, answer: Any
) -> None:
    place = await channel.deliver(message())
    discord.before = [None, answer]
    page_of_it = later(place, occasion=Occasion.PAGE, cause="shown later")
    with capture_logs() as said:
        found = await channel.deliver(page_of_it)
    assert found is not None and found.stale
    assert [one["event"] for one in said] == ["not edited"]
    assert PATH.rpartition("/")[2] not in str(said), "the address is a secret"
    assert discord.calls == ["POST", "POST", "PATCH"]
    discord.before = [answer]
    with pytest.raises(ChannelBusy):
        await channel.deliver(later(place, 3))
    discord.before = []


@pytest.mark.parametrize("answer", [limited, lambda: Response("", 500)])
async def test_a_busy_discord_gets_each_message_once(
    discord: Discord, channel: TimedChannel, answer: Any
) -> None:
    discord.before = [answer]
    told = message(first_of=("it",))
    delivered = await ActivityEnvironment().run(ChannelActivities({"it": channel}).announce, told)
    assert delivered.reached
    assert [one.place for one in delivered.receipts] == list(discord.messages)
    discord.before = [answer, None, answer]
    again = later(Place(delivered.receipts[0].place), occasion=Occasion.PAGE)
    again = again.model_copy(update={"first_of": ("it",)})
    delivered = await ActivityEnvironment().run(ChannelActivities({"it": channel}).announce, again)
    assert delivered.reached
    assert len(discord.messages) == 2, "the page came once"


async def test_what_an_alert_says_stays_text_and_fits(discord: Discord, channel: TimedChannel) -> None:
    place = await channel.deliver(message(text=HOSTILE))
    many = tuple(f"{HOSTILE} {number} {'x' * 500}" for number in range(50))
    await channel.deliver(later(place, title=HOSTILE, cause=HOSTILE, found=many, done=many, next=HOSTILE))
    (stands,) = discord.contents
    assert len(stands) <= 2000
    assert "[here](" not in stands
    assert "**now**" not in stands
    assert "\n#" not in stands


async def test_what_is_about_no_incident_is_a_message_as_before(
    discord: Discord, channel: TimedChannel
) -> None:
    assert await channel.deliver(page()) is None
    assert discord.calls == ["POST"]
