"""The interface of a notification channel: delivers once, or raises with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Protocol

from models.base import in_words
from models.incident.announcement import Announcement
from models.names import Severity


class ChannelDown(Exception):
    """The channel did not deliver the announcement. The reason is one sentence, without secrets."""


class ChannelUnset(ChannelDown):
    """The channel cannot be used as it is configured: trying again does not help."""


class NotMeant(Exception):
    """The channel does not take such announcements; nothing was sent."""


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    @property
    def keeps_pages_open(self) -> bool:
        """Whether a page stays open there until it is told of its end."""

    async def deliver(self, announcement: Announcement) -> None:
        """Send it once. Raises `ChannelDown` or `NotMeant`; returns once the other side has it."""


class BoundedChannel:
    """A channel limited to its configured severities and timeout."""

    def __init__(self, channel: Channel, severities: Collection[Severity], timeout: timedelta) -> None:
        self._channel = channel
        self._severities = severities
        self._timeout = timeout

    @property
    def name(self) -> str:
        return self._channel.name

    @property
    def keeps_pages_open(self) -> bool:
        return self._channel.keeps_pages_open

    async def deliver(self, announcement: Announcement) -> None:
        # A page that is open is closed, also when the severity rose since.
        heard = announcement.severity in self._severities or announcement.ends_at(self.name)
        if self._severities and not heard:
            raise NotMeant
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                await self._channel.deliver(announcement)
        except TimeoutError as error:
            raise ChannelDown(f"no answer within {in_words(self._timeout)}") from error


class UnsetChannel:
    """A channel whose secret is missing or invalid; each delivery fails with that reason."""

    keeps_pages_open = False

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self.why = why

    async def deliver(self, announcement: Announcement) -> None:
        raise ChannelUnset(self.why)
