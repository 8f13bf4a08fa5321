"""Mail, by a real SMTP connection to a stand-in: one message a mail, one conversation an incident."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from models.configuration.channels import EmailChannel
from models.incident.announcement import Occasion
from tests.parts.outside.smtp import Mailbox
from tests.parts.product.announcements import named, one, page
from tests.parts.servers.sockets import listening

ANOTHER = "99999999-0000-4000-8000-000000000000"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def mailed(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=runbooks@example.com&to=ops@example.com&mode=insecure&+X-Team=ops"


async def test_mail_arrives_as_plain_text_with_one_subject(client: httpx.AsyncClient) -> None:
    box = Mailbox()
    async with listening(box.connected) as port:
        channel = one(EmailChannel(url=named("SECRET")), client, mailed(port))
        await channel.deliver(page(title="down\r\nBcc: all@example.com", text="<script>ops@example.com"))
    (mail,) = box.mails
    assert (mail["Subject"], mail["To"], mail["Bcc"]) == (
        "down Bcc: all@example.com",
        "ops@example.com",
        None,
    )
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().startswith("<script>ops@example.com")


async def test_the_mails_of_an_incident_are_one_conversation(client: httpx.AsyncClient) -> None:
    """Also those of two incidents that are told at the same time, by one channel."""
    box = Mailbox()
    async with listening(box.connected) as port:
        channel = one(EmailChannel(url=named("SECRET")), client, mailed(port))
        for told in (
            page(),
            page(run_id=ANOTHER, title="web is down"),
            page(occasion=Occasion.APPROVAL, title="approve it?"),
            page(occasion=Occasion.RESOLVED, title="it is over"),
        ):
            await channel.deliver(told)
    first, other, *later = box.mails
    conversation = "<1a2b3c4d-0000-4000-8000-000000000000@durable-runbooks>"
    assert {(one["References"], one["In-Reply-To"]) for one in (first, *later)} == {(conversation,) * 2}
    assert other["References"] == f"<{ANOTHER}@durable-runbooks>"
    assert len({one["Message-ID"] for one in box.mails}) == 4, "each is a message of its own"
    assert [one["Subject"] for one in later] == ["approve it?", "it is over"]
    assert {one["X-Team"] for one in box.mails} == {"ops"}, "what the address asks for stays"


@pytest.mark.parametrize("run", ["a\r\nBcc: all@example.com", "x" * 900, "<>@", ""])
async def test_no_run_writes_a_header_of_its_own(client: httpx.AsyncClient, run: str) -> None:
    box = Mailbox()
    async with listening(box.connected) as port:
        await one(EmailChannel(url=named("SECRET")), client, mailed(port)).deliver(page(run_id=run))
    (mail,) = box.mails
    assert mail["Bcc"] is None
    assert mail["References"].endswith("@durable-runbooks>")
    assert len(mail["References"]) < 70
