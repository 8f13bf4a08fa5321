"""What reaches one person's channel, and the link in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from activities.people.links import LinkSigner, PersonalChannel
from models.configuration.configuration import Configuration
from models.incident.announcement import Announcement, Occasion
from models.incident.incident import IncidentState
from models.messages import STATE
from models.names import Severity
from models.people.link import SignedLink
from models.people.signature import key_name
from tests.parts.product.intake import SIGNING_KEY
from tests.parts.product.signing import APPROVALS

PHONE = "annas-phone"


class Recorded:
    """A channel that keeps what it delivers."""

    keeps_pages_open = False

    def __init__(self, name: str = PHONE) -> None:
        self.name = name
        self.delivered: list[Announcement] = []

    async def deliver(self, announcement: Announcement) -> None:
        self.delivered.append(announcement)


async def delivered(
    announcement: Announcement, url: str, person: str = "anna", **approvals: Any
) -> Announcement:
    """The message as it arrives at this person's channel, of a worker with an intake at this address."""
    content = {"approvals": {**APPROVALS, **approvals}, "intake": {"public_url": url}}
    configuration = Configuration.model_validate(content)
    channel = Recorded()
    await PersonalChannel(channel, person, LinkSigner(lambda: configuration)).deliver(announcement)
    (message,) = channel.delivered
    return message


async def path_in_message(client: Client, incident: str, url: str) -> str:
    """Where the link leads that anna gets with the question of this incident."""
    handle = client.get_workflow_handle(incident)
    state = await handle.query(STATE, result_type=IncidentState)
    run = (await handle.describe()).run_id
    plans = state.awaiting.digests if state.awaiting else ()
    message = await delivered(asking(incident, run, plans), url)
    return message.links[0].address.removeprefix(url)


def asking(incident: str, run: str, plans: tuple[str, ...], **more: Any) -> Announcement:
    """A question to the role whose only channel is anna's phone."""
    fields: dict[str, Any] = {"occasion": Occasion.APPROVAL, "first_of": (PHONE,), **more}
    return Announcement(
        incident=incident,
        run_id=run,
        severity=Severity.CRITICAL,
        role="On-Call",
        title="approval needed",
        text="restart backend",
        plans=plans,
        **fields,
    )


def link_in(path: str) -> SignedLink:
    found = SignedLink.of_text(path.rpartition("/")[2])
    assert found is not None
    return found


def resealed(path: str, key: str = SIGNING_KEY, **changes: Any) -> str:
    """The same link with something else in it, sealed with this key."""
    place, _, text = path.rpartition("/")
    incident = place.removeprefix("/incidents/").removesuffix("/link")
    link = link_in(text).model_copy(update={"key": key_name(key), **changes})
    return f"{place}/{link.sealed(key, incident).as_text()}"


def ago(minutes: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
