"""What a bot on Slack lacks is named with its cure before an incident needs it; nothing is written there."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer

from activities.doctor.slack import check_slack_bot
from models.configuration.channels import SlackBotChannel
from models.examined import Check, Grade
from tests.parts.outside.slack import CHANNEL, TOKEN, Slack

VARIABLE = "RUNBOOKS_TEST_ASKED_BOT"
PUBLIC = "chat:write,channels:history,channels:read"
PRIVATE = "chat:write,groups:history,groups:read"


async def seen(httpserver: HTTPServer, slack: Slack, value: str = TOKEN, **more: Any) -> list[Check]:
    os.environ[VARIABLE] = value
    for method in ("auth.test", "conversations.info"):
        httpserver.expect_request(f"/api/{method}").respond_with_handler(slack.answer)
    api = httpserver.url_for("/api").rstrip("/")
    content = {"token": {"env": VARIABLE}, "channel": slack.channel, "api": api, **more}
    async with httpx.AsyncClient() as http:
        found = await check_slack_bot("bot", SlackBotChannel.model_validate(content), http)
    assert {*slack.calls} <= {"auth.test", "conversations.info"}
    assert all(value not in f"{one.problem} {one.cure}" for one in found)
    return found


@pytest.mark.parametrize("slack", [Slack, lambda: Slack(scopes=PRIVATE, private=True)])
async def test_a_bot_that_may_do_all_is_well(httpserver: HTTPServer, slack: Callable[[], Slack]) -> None:
    assert [(one.name, one.ok) for one in await seen(httpserver, slack())] == [("Slack bot of bot", True)]


@pytest.mark.parametrize(
    ("slack", "problem", "cure", "grade"),
    [
        (Slack(scopes="channels:history,channels:read"), "scope chat:write", "install", Grade.PROBLEM),
        (Slack(scopes="chat:write,channels:read"), "scope channels:history", "install", Grade.ATTENTION),
        (Slack(scopes="chat:write,channels:history"), "scope channels:read", "install", Grade.ATTENTION),
        (
            Slack(scopes="chat:write,groups:read", private=True),
            "scope groups:history",
            "install",
            Grade.ATTENTION,
        ),
        (Slack(in_channel=False), f"not in the channel {CHANNEL}", "invite it", Grade.PROBLEM),
        (Slack(scopes=PRIVATE, private=True, in_channel=False), "invite the bot", "", Grade.PROBLEM),
        (
            Slack(scopes=f"{PUBLIC},chat:write.public", in_channel=False),
            f"not in the channel {CHANNEL}",
            "invite it",
            Grade.ATTENTION,
        ),
        (Slack(channel="D0ANNA00001"), "lacks the scope im:read", "install", Grade.ATTENTION),
        (Slack(archived=True), "is archived", "another channel", Grade.PROBLEM),
    ],
)
async def test_what_it_lacks_is_named(
    httpserver: HTTPServer, slack: Slack, problem: str, cure: str, grade: Grade
) -> None:
    [found] = await seen(httpserver, slack)
    assert (problem in found.problem, cure in found.cure, found.grade) == (True, True, grade), found


async def test_all_that_it_lacks_is_named_at_once(httpserver: HTTPServer) -> None:
    found = await seen(httpserver, Slack(scopes="channels:read", in_channel=False))
    said = " ".join(one.problem for one in found)
    assert all(one in said for one in ("chat:write", "channels:history", "not in the channel"))


async def test_a_token_of_no_bot_is_named(httpserver: HTTPServer) -> None:
    [found] = await seen(httpserver, Slack(), value="xoxb-revoked-1")
    assert ("its token is not valid" in found.problem, found.grade) == (True, Grade.PROBLEM)


async def test_slack_away_needs_attention_alone(httpserver: HTTPServer) -> None:
    [found] = await seen(httpserver, Slack(), api="http://127.0.0.1:9")
    assert ("could not be asked" in found.problem, found.grade) == (True, Grade.ATTENTION)


async def test_a_token_that_is_not_set_is_named_with_its_channel_alone(httpserver: HTTPServer) -> None:
    assert await seen(httpserver, Slack(), token={"env": "RUNBOOKS_TEST_NOT_SET"}) == []
