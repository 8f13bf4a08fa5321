"""A bot on Slack: one message an incident, edited as it goes on, its thread the timeline, each once."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pytest_httpserver import HTTPServer
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from werkzeug import Response

from activities.notify.channel import ChannelRefused, Place, TimedChannel
from activities.notify.trial import try_out
from models.configuration.channels import ChannelConfig, SlackBotChannel
from models.incident.announcement import Announcement, Delivered, Occasion, Posted
from models.names import Severity
from models.telling.in_short import Choice, InShort
from tests.integration.notify.test_announcing import start_worker, temporal_binary
from tests.integration.notify.test_busy_channels import tell
from tests.parts.outside.slack import CHANNEL, TOKEN, Slack, broken, buttons_of, limited, text_of
from tests.parts.product.announcements import named, one, page
from tests.parts.product.announcing_worker import Announce

BEGAN = datetime(2026, 3, 1, 3, 14, 5, tzinfo=UTC)
PLAN = Choice(
    digest="a1b2c3d4e5f6",
    says="roll backend back to shop:41",
    details="Why: it broke with shop:42.\nRisk: approval.\n- roll back: backend runs shop:41.",
    recommended=True,
)
CONFIG = SlackBotChannel(token=named("SECRET"), channel=CHANNEL)


def short(**differently: Any) -> InShort:
    usual: dict[str, Any] = {
        "version": 1,
        "title": "critical: ServiceDown/backend",
        "since": BEGAN,
        "phase": "awaiting approval",
        "said": "backend does not answer",
        "cause": "bad-deployment",
        "found": ("health: bad, 502",),
        "choices": (PLAN,),
        "until": BEGAN + timedelta(hours=4),
        "next": "Team Lead is paged next",
    }
    return InShort(**(usual | differently))


def message(key: str = "1", **differently: Any) -> Announcement:
    shown = differently.pop("shown", None) or short()
    return page(key=key, in_short=shown, **differently)


async def placed(bot: TimedChannel) -> str:
    """Where the first message of the incident is."""
    place = await bot.deliver(message())
    return place.at if place else ""


@pytest.fixture
def slack(httpserver: HTTPServer) -> Slack:
    slack = Slack()
    for method in ("chat.postMessage", "chat.update", "conversations.history", "conversations.replies"):
        httpserver.expect_request(f"/api/{method}").respond_with_handler(slack.answer)
    return slack


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def config(httpserver: HTTPServer, **differently: Any) -> ChannelConfig:
    return CONFIG.model_copy(
        update={"api": httpserver.url_for("/api"), "timeout": timedelta(seconds=20), **differently}
    )


@pytest.fixture
def bot(client: httpx.AsyncClient, httpserver: HTTPServer) -> TimedChannel:
    return one(config(httpserver), client, TOKEN)


async def test_a_page_says_what_where_since_when_what_is_asked_until_when_and_who_is_next(
    bot: TimedChannel, slack: Slack
) -> None:
    place = await bot.deliver(message())
    [told] = slack.messages
    assert place == Place(told["ts"])
    text = text_of(told)
    for expected in (
        "critical: ServiceDown/backend",
        "*What*\nServiceDown",
        "*Where*\nbackend",
        f"*Since*\n<!date^{int(BEGAN.timestamp())}^",
        "|2026-03-01 03:14:05 UTC>",
        "*Cause*\nbad-deployment",
        "*Next*\nTeam Lead is paged next",
        "• health: bad, 502",
        "*Plan a1b2c3d4e5f6: roll backend back to shop:41*",
        "2026-03-01 07:14:05 UTC>; after that nothing is done",
        "<http://localhost:8080/incidents/ServiceDown/backend|Open the incident>",
    ):
        assert expected in text
    buttons = buttons_of(told)
    assert list(buttons) == ["approve:0", "deny", "acknowledge"]
    assert json.loads(buttons["approve:0"]["value"]) == {
        "incident": "ServiceDown/backend",
        "run": "1a2b3c4d-0000-4000-8000-000000000000",
        "plan": PLAN.digest,
    }
    confirm = buttons["approve:0"]["confirm"]["text"]["text"]
    assert confirm == "ServiceDown/backend. Plan a1b2c3d4e5f6: roll backend back to shop:41"
    assert told["unfurl_links"] is False and told["parse"] == "none"


async def test_the_same_message_is_edited_and_its_thread_tells_what_happened(
    bot: TimedChannel, slack: Slack
) -> None:
    place = await placed(bot)
    posted = (Posted(channel="it", place=place),)
    over = short(
        version=2, phase="closed", outcome="It is over.", choices=(), happened=("03:15:00 UTC approve (ana)",)
    )
    end = message("2", occasion=Occasion.RESOLVED, title="closed", text="well", shown=over, posted=posted)
    assert await bot.deliver(end) == Place(place)
    [root], [reply] = slack.roots, slack.replies
    assert "It is over." in text_of(root) and buttons_of(root) == {}
    assert reply["thread_ts"] == place
    assert text_of(reply) == "*closed*\nwell\n• 03:15:00 UTC approve (ana)"
    late = message("3", occasion=Occasion.PROGRESS, text="", shown=short(version=1), posted=posted)
    await bot.deliver(late)
    assert "It is over." in text_of(slack.roots[0]), "an older message overwrote a newer one"


async def test_a_question_in_a_thread_is_shown_in_the_channel_too(bot: TimedChannel, slack: Slack) -> None:
    posted = (Posted(channel="it", place=await placed(bot)),)
    await bot.deliver(message("2", occasion=Occasion.APPROVAL, shown=short(version=2), posted=posted))
    await bot.deliver(message("3", occasion=Occasion.NOTICE, shown=short(version=3), posted=posted))
    assert [one["reply_broadcast"] for one in slack.replies] == [True, False]


async def test_words_of_an_alert_mention_nobody_and_make_no_link(bot: TimedChannel, slack: Slack) -> None:
    hostile = "<!channel> <@U123> <http://evil.example|docs> & @here"
    await bot.deliver(message(title=hostile, shown=short(said=hostile, found=(hostile,), done=(hostile,))))
    escaped = "&lt;!channel&gt; &lt;@U123&gt; &lt;http://evil.example|docs&gt; &amp; @here"
    assert text_of(slack.messages[0]).count(escaped) == 3
    assert "<!channel>" not in text_of(slack.messages[0]) + slack.messages[0]["text"]


async def test_what_is_too_long_for_slack_is_cut_and_arrives(bot: TimedChannel, slack: Slack) -> None:
    long = "&" * 50_000
    plans = tuple(PLAN.model_copy(update={"digest": f"{n:012}", "details": long}) for n in range(40))
    shown = short(said=long, cause=long, found=(long,) * 200, choices=plans, title=long)
    await bot.deliver(message(title=long, text=long, shown=shown))
    assert "35 more are on the incident's page" in text_of(slack.roots[0])
    posted = (Posted(channel="it", place=slack.messages[0]["ts"]),)
    happened = tuple(f"line {n} {long}" for n in range(300))
    await bot.deliver(message("2", text=long, shown=short(version=2, happened=happened), posted=posted))
    assert slack.calls.count("chat.postMessage") == 2, "nothing had to be sent again without its blocks"


async def test_blocks_that_slack_does_not_take_are_sent_as_text(bot: TimedChannel, slack: Slack) -> None:
    slack.before = [
        lambda: Response('{"ok":false,"error":"invalid_blocks"}', content_type="application/json")
    ]
    await bot.deliver(message())
    assert slack.messages[0]["text"].startswith("backend is down")


@pytest.mark.parametrize("answer", [limited(1), broken], ids=["429", "500"])
@pytest.mark.parametrize("done", [False, True], ids=["not done", "done all the same"])
async def test_a_limit_or_an_error_leaves_one_message(
    client: httpx.AsyncClient, httpserver: HTTPServer, slack: Slack, answer: Any, done: bool
) -> None:
    """Of an error nobody knows whether the message arrived: it is looked for before it is sent again."""
    (slack.after if done else slack.before).append(answer if not done or answer is broken else broken)
    began = time.monotonic()
    told = await tell(client, {"it": config(httpserver)}, {"SECRET": TOKEN}, message(first_of=("it",)))
    assert told.reached and told.receipts[0].place == slack.messages[0]["ts"]
    assert len(slack.messages) == 1
    assert answer is broken or done or time.monotonic() - began >= 1


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done all the same"])
async def test_an_error_in_the_thread_leaves_one_line(
    client: httpx.AsyncClient, httpserver: HTTPServer, slack: Slack, done: bool
) -> None:
    configured, secrets = {"it": config(httpserver)}, {"SECRET": TOKEN}
    first = await tell(client, configured, secrets, message(first_of=("it",)))
    (slack.after if done else slack.before).append(broken)
    posted = (Posted(channel="it", place=first.receipts[0].place),)
    told = await tell(
        client, configured, secrets, message("2", first_of=("it",), posted=posted, shown=short(version=2))
    )
    assert told.reached and len(slack.replies) == 1


async def test_a_bot_that_may_not_read_sends_once_more_at_most(
    client: httpx.AsyncClient, httpserver: HTTPServer, slack: Slack
) -> None:
    slack.scopes = "chat:write"
    slack.after = [broken] * 9
    told = await tell(client, {"it": config(httpserver)}, {"SECRET": TOKEN}, message(first_of=("it",)))
    assert not told.reached and "cannot be looked for" in told.receipts[0].why
    assert len(slack.messages) == 2


async def test_a_message_that_somebody_deleted_is_written_anew(bot: TimedChannel, slack: Slack) -> None:
    place = await placed(bot)
    slack.messages.clear()
    slack.messages.append({"ts": "1.0", "channel": CHANNEL, "text": "another", "blocks": []})
    posted = (Posted(channel="it", place=place),)
    anew = await bot.deliver(message("2", shown=short(version=2), posted=posted))
    assert anew == Place(slack.messages[1]["ts"]) != Place(place)


@pytest.mark.parametrize(
    ("differently", "why"),
    [
        ({"token": "xoxb-wrong"}, "Slack answered invalid_auth: its token is not valid"),
        (
            {"channel": "C0ELSEWHERE"},
            "Slack answered channel_not_found: there is no such channel",
        ),
        ({"in_channel": False}, "Slack answered not_in_channel: the bot is not in the channel: invite it"),
    ],
)
async def test_a_mistake_of_the_configuration_is_named_with_its_cure_and_not_tried_again(
    client: httpx.AsyncClient, httpserver: HTTPServer, slack: Slack, differently: dict[str, Any], why: str
) -> None:
    slack.in_channel = differently.get("in_channel", True)
    wrong = config(httpserver, channel=differently.get("channel", CHANNEL))
    with pytest.raises(ChannelRefused, match=why) as down:
        await one(wrong, client, differently.get("token", TOKEN)).deliver(message())
    assert "xoxb" not in str(down.value)


async def test_two_pages_of_one_incident_at_once_are_one_message_and_one_line(
    bot: TimedChannel, slack: Slack
) -> None:
    places = await asyncio.gather(
        bot.deliver(message("1")), bot.deliver(message("2", role="Database", shown=short(version=2)))
    )
    assert len(set(places)) == len(slack.roots) == len(slack.replies) == 1


async def test_what_a_second_worker_has_to_tell_stands_in_the_message_of_the_first(
    client: httpx.AsyncClient, httpserver: HTTPServer, slack: Slack
) -> None:
    """Neither knows of the other; the second finds the message that is there."""
    one_worker, another = (one(config(httpserver), client, TOKEN) for _ in range(2))
    place = await one_worker.deliver(message("1", shown=short(choices=())))
    assert buttons_of(slack.roots[0]).keys() == {"acknowledge"}
    question = message("2", occasion=Occasion.APPROVAL, title="approval needed", shown=short(version=2))
    assert await another.deliver(question) == place
    [root], [reply] = slack.roots, slack.replies
    assert "approval needed" in text_of(reply) and "approve:0" in buttons_of(root)


@pytest.mark.parametrize("answer", [limited(1), broken], ids=["429", "500"])
async def test_a_page_that_arrived_says_that_the_message_does_not_show_it_yet(
    client: httpx.AsyncClient, httpserver: HTTPServer, slack: Slack, answer: Any
) -> None:
    configured, secrets = {"it": config(httpserver)}, {"SECRET": TOKEN}
    first = await tell(client, configured, secrets, message(first_of=("it",)))
    posted = (Posted(channel="it", place=first.receipts[0].place),)
    slack.before = [None, answer]
    again = message("2", first_of=("it",), posted=posted, shown=short(version=2))
    told = await tell(client, configured, secrets, again)
    assert told.reached and [one.stale for one in (*first.receipts, *told.receipts)] == [False, True]


async def test_what_is_about_no_open_incident_is_a_message_of_its_own(
    bot: TimedChannel, slack: Slack
) -> None:
    await bot.deliver(page(title="daily check: all is well"))
    assert text_of(slack.messages[0]).startswith("*daily check: all is well*\nconnection refused at")


async def test_a_bot_that_is_tried_out_writes_one_message_without_buttons(
    bot: TimedChannel, slack: Slack
) -> None:
    await try_out(bot, "On-Call", Severity.CRITICAL, "ada")
    [told] = slack.messages
    assert "TEST, nothing is broken" in text_of(told) and "ada tries the channel it" in text_of(told)
    assert buttons_of(told) == {}


async def test_a_worker_that_is_killed_after_the_message_arrived_writes_no_second_one(
    httpserver: HTTPServer, slack: Slack
) -> None:
    """Slack has it, and its answer does not come: `kill -9`. The next worker looks for it, and edits it."""
    arrived, go_on = threading.Event(), threading.Event()

    def hang() -> Response:
        arrived.set()
        go_on.wait(60)
        return broken()

    slack.after = [hang]
    server = await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter, dev_server_existing_path=temporal_binary()
    )
    async with server:
        queue, nowhere = f"announce-{uuid4()}", "http://127.0.0.1:1/"
        address = server.client.service_client.config.target_host
        arguments = (address, queue, nowhere, nowhere, httpserver.url_for("/api"))
        doomed = await start_worker(*arguments)
        handle = await server.client.start_workflow(
            Announce.run, message(first_of=("bot",)), id=f"announce-{uuid4()}", task_queue=queue
        )
        assert await asyncio.to_thread(arrived.wait, 60)
        doomed.kill()
        await doomed.wait()
        go_on.set()
        successor = await start_worker(*arguments)
        try:
            delivered: Delivered = await asyncio.wait_for(handle.result(), 60)
        finally:
            successor.kill()
            await successor.wait()
    assert delivered.reached and delivered.receipts[0].place == slack.messages[0]["ts"]
    assert len(slack.messages) == 1
