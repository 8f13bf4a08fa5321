"""Every kind of channel against a real server that takes it, refuses it, is slow or is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs

from activities.notify.channel import Channel, ChannelDown, NotMeant
from models.configuration.channels import (
    AppriseChannel,
    ChannelConfig,
    DiscordChannel,
    DiscordDirectChannel,
    EmailChannel,
    LogChannel,
    SlackChannel,
)
from models.names import Severity
from tests.parts.product.announcements import (
    AT_THE_INTAKE,
    IN_TEMPORAL,
    WEBHOOK_PATH,
    build,
    named,
    one,
    page,
)
from tests.parts.servers.sockets import closed_port, hang_up, listening, silence

QUICKLY = timedelta(milliseconds=200)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def slack(client: httpx.AsyncClient, origin: str, timeout: timedelta = timedelta(seconds=30)) -> Channel:
    return one(SlackChannel(webhook=named("SECRET"), timeout=timeout), client, origin + WEBHOOK_PATH)


async def test_slack_gets_the_words_and_the_link_and_no_mention(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(WEBHOOK_PATH, "POST").respond_with_data("ok")
    hostile = page(title="*down*\n& out", text="<!channel> see <http://evil.example|the docs>\x1b[31m")
    await slack(client, httpserver.url_for("").rstrip("/")).deliver(hostile)
    [(request, _)] = httpserver.log
    assert request.json == {
        "text": "*down &amp; out*\n"
        "&lt;!channel&gt; see &lt;http://evil.example|the docs&gt;[31m\n"
        f"<{IN_TEMPORAL.address}|Open the incident in Temporal>\n"
        f"<{AT_THE_INTAKE.address}|Open the incident>",
        "unfurl_links": False,
        "unfurl_media": False,
    }


async def test_a_text_without_end_is_cut(client: httpx.AsyncClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request(WEBHOOK_PATH).respond_with_data("ok")
    await slack(client, httpserver.url_for("").rstrip("/")).deliver(page(text="x" * 1_000_000))
    assert len(httpserver.log[0][0].json["text"]) < 3500


async def test_discord_gets_literal_text_and_pings_nobody(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(WEBHOOK_PATH, "POST").respond_with_data(status=204)
    channel = one(DiscordChannel(webhook=named("SECRET")), client, httpserver.url_for(WEBHOOK_PATH))
    await channel.deliver(page(text="@everyone **now** [here](http://evil.example)" + "*" * 5000))
    sent = httpserver.log[0][0].json
    assert sent["allowed_mentions"] == {"parse": []}
    assert sent["content"].startswith("**backend is down**\n@everyone \\*\\*now\\*\\* \\[here\\]\\(http")
    assert sent["content"].endswith(
        f"in Temporal: <{IN_TEMPORAL.address}>\nOpen the incident: <{AT_THE_INTAKE.address}>"
    )
    assert len(sent["content"]) <= 2000


async def test_discord_writes_to_a_person_in_their_own_conversation(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    bot = {"Authorization": "Bot t0ken"}
    httpserver.expect_ordered_request(
        "/users/@me/channels", "POST", json={"recipient_id": "42"}, headers=bot
    ).respond_with_json({"id": "7"})
    httpserver.expect_ordered_request("/channels/7/messages", "POST", headers=bot).respond_with_json({})
    api = httpserver.url_for("/").rstrip("/")
    await one(DiscordDirectChannel(token=named("SECRET"), user="42", api=api), client, "t0ken").deliver(
        page()
    )
    httpserver.check_assertions()


@pytest.mark.parametrize("answer", ['{"id": "../../x"}', "{}", "[]", "no JSON"])
async def test_discord_without_a_conversation_is_down(
    client: httpx.AsyncClient, httpserver: HTTPServer, answer: str
) -> None:
    httpserver.expect_request("/users/@me/channels").respond_with_data(answer)
    api = httpserver.url_for("/")
    channel = one(DiscordDirectChannel(token=named("SECRET"), user="42", api=api), client, "t0ken")
    with pytest.raises(ChannelDown, match="no conversation"):
        await channel.deliver(page())


async def test_a_webhook_that_repeats_its_address_does_not_give_it_away(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(WEBHOOK_PATH).respond_with_data(f"no_service at {WEBHOOK_PATH}", 404)
    with pytest.raises(ChannelDown, match="localhost answered 404: no_service at") as down:
        await slack(client, httpserver.url_for("").rstrip("/")).deliver(page())
    assert not any(part in str(down.value) for part in WEBHOOK_PATH.strip("/").split("/")[1:])


async def test_a_channel_that_is_not_there_slow_or_rude_is_down(client: httpx.AsyncClient) -> None:
    with pytest.raises(ChannelDown, match=r"^cannot connect to 127\.0\.0\.1$"):
        await slack(client, f"http://127.0.0.1:{closed_port()}").deliver(page())
    async with listening(silence) as port:
        with pytest.raises(ChannelDown, match=r"^no answer within 0\.2 s$"):
            await slack(client, f"http://127.0.0.1:{port}", QUICKLY).deliver(page())
    async with listening(hang_up) as port:
        with pytest.raises(ChannelDown, match=r"^127\.0\.0\.1 broke off"):
            await slack(client, f"http://127.0.0.1:{port}").deliver(page())


async def test_apprise_delivers_title_text_and_link(
    client: httpx.AsyncClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook", "POST").respond_with_data("")
    address = f"json://localhost:{httpserver.port}/hook"
    await one(AppriseChannel(url=named("SECRET")), client, address).deliver(page(text="<!channel> @all"))
    sent = httpserver.log[0][0].json
    assert sent["title"] == "backend is down"
    assert sent["message"].startswith("<!\u200bchannel> @\u200ball\n")
    assert f"Open the incident in Temporal: {IN_TEMPORAL.address}\n" in sent["message"]
    assert sent["message"].endswith("/incidents/ServiceDown/backend")
    assert sent["type"] == "failure"


async def test_apprise_that_fails_is_down_and_keeps_its_address_to_itself(
    client: httpx.AsyncClient, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    httpserver.expect_request("/hook").respond_with_data("", 500)
    address = f"json://ops:p4ssword@localhost:{httpserver.port}/hook"
    with caplog.at_level("DEBUG"), pytest.raises(ChannelDown, match="JSON answered 500") as down:
        await one(AppriseChannel(url=named("SECRET")), client, address).deliver(page())
    assert "p4ssword" not in str(down.value) + caplog.text
    async with listening(silence) as port:
        slow = AppriseChannel(url=named("SECRET"), timeout=QUICKLY)
        with pytest.raises(ChannelDown, match="no answer within"):
            await one(slow, client, f"json://127.0.0.1:{port}/?rto=1").deliver(page())


async def test_the_log_is_a_channel_of_one_line(client: httpx.AsyncClient) -> None:
    with capture_logs() as lines:
        await one(LogChannel(), client).deliver(page(text="two\nlines \x1b[31m"))
    [line] = lines
    assert (line["event"], line["title"], line["text"]) == (
        "announcement",
        "backend is down",
        "two lines [31m",
    )


async def test_a_channel_hears_only_of_its_severities(client: httpx.AsyncClient) -> None:
    critical = one(LogChannel(severities=(Severity.CRITICAL,)), client)
    with capture_logs() as lines:
        await critical.deliver(page())
        with pytest.raises(NotMeant):
            await critical.deliver(page(severity=Severity.WARNING))
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("config", "secret", "why"),
    [
        (SlackChannel(webhook=named("SLACK_ALERTS_URL")), "", r"set \$SLACK_ALERTS_URL"),
        (SlackChannel(webhook=named("SECRET")), "slack://a/b/c", r"\$SECRET is not an http\(s\) address"),
        (DiscordChannel(webhook=named("SECRET")), "http://[", r"\$SECRET is not an http\(s\) address"),
        (AppriseChannel(url=named("SECRET")), "nonsense://x", r"\$SECRET is not a valid apprise address"),
        (EmailChannel(url=named("SECRET")), "json://localhost", r"\$SECRET is not a valid apprise address"),
    ],
)
async def test_a_channel_without_a_good_secret_says_what_to_set(
    client: httpx.AsyncClient, config: ChannelConfig, secret: str, why: str
) -> None:
    channels = build({"alerts": config, "log": LogChannel()}, client, {"SECRET": secret})
    with pytest.raises(ChannelDown, match=why) as down:
        await channels["alerts"].deliver(page())
    assert not secret or secret not in str(down.value)


async def test_no_address_reaches_the_log_of_a_client(
    client: httpx.AsyncClient, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    httpserver.expect_request(WEBHOOK_PATH).respond_with_data("ok")
    with caplog.at_level("DEBUG"):
        await slack(client, httpserver.url_for("").rstrip("/")).deliver(page())
    assert "s3cretS3cretS3cret" not in "".join(
        record.getMessage() for record in caplog.records if record.name != "werkzeug"
    )
