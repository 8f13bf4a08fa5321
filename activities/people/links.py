"""Puts a signed link into what only its person reads."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import structlog

from activities.notify.channel import Channel
from activities.people.keys import SigningKeys
from activities.support.secrets import SecretMissing
from models.base import in_words
from models.configuration.configuration import Configuration
from models.incident.announcement import Announcement, Link
from models.people.link import SignedLink
from models.people.signature import key_name


class LinkSigner:
    """Signs with the newest of `approvals.keys`."""

    def __init__(self, configuration: Callable[[], Configuration]) -> None:
        self._configuration = configuration
        self._keys = SigningKeys(configuration)
        self._log = structlog.get_logger("worker")

    def link(self, announcement: Announcement, person: str) -> Link | None:
        """For this person; None where the configuration has no address or no key. Reads a file."""
        intake = self._configuration().intake
        if not intake.public_url:
            return None
        try:
            key = self._keys.newest()
        except SecretMissing as error:
            self._log.warning("a message goes without its signed link", reason=str(error))
            return None
        unsealed = SignedLink(
            by=person,
            plans=announcement.plans,
            run=announcement.run_id,
            at=datetime.now(UTC).replace(microsecond=0),
            nonce=secrets.token_hex(12),
            key=key_name(key),
        )
        signed = unsealed.sealed(key, announcement.incident)
        place = "/".join(quote(part, safe="") for part in announcement.incident.split("/"))
        does = "Decide" if announcement.plans else "Open it"
        return Link(
            says=f"{does} as {person} (once, within {in_words(intake.link_lasts)})",
            address=f"{intake.public_url.rstrip('/')}/incidents/{place}/link/{signed.as_text()}",
        )


class PersonalChannel:
    """A channel that reaches one person, with a link for them in each page and question of theirs."""

    def __init__(self, channel: Channel, person: str, signer: LinkSigner) -> None:
        self._channel = channel
        self._person = person
        self._signer = signer
        self.name = channel.name
        self.keeps_pages_open = channel.keeps_pages_open

    async def deliver(self, announcement: Announcement) -> None:
        """Raises as the channel does."""
        await self._channel.deliver(await self._with_link(announcement))

    async def _with_link(self, announcement: Announcement) -> Announcement:
        theirs = self.name in announcement.first_of and self.name not in announcement.also_to
        if not (theirs and announcement.occasion.wakes):
            return announcement
        link = await asyncio.to_thread(self._signer.link, announcement, self._person)
        return (
            announcement.model_copy(update={"links": (link, *announcement.links)}) if link else announcement
        )


def with_links(configuration: Callable[[], Configuration]) -> Callable[[Channel, str], Channel]:
    """Makes the channels of one person such channels."""
    signer = LinkSigner(configuration)
    return lambda channel, person: PersonalChannel(channel, person, signer)
