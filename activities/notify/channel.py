"""The interface of a notification channel: delivers once, or raises with the reason."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Collection
from datetime import timedelta
from typing import NamedTuple, Protocol, Self

from models.base import in_words
from models.incident.announcement import Announcement
from models.names import Severity

LONGEST_SILENCE = timedelta(minutes=2)
"""A channel that asks for more, by mistake or not, is tried again after this: somebody may need it."""
LONGEST_SILENCE_OF_PAGES = timedelta(seconds=20)


class ChannelDown(Exception):
    """The channel did not deliver the announcement. The reason is one sentence, without secrets."""

    def without(self, secret: str) -> Self:
        """The same without this secret in its reason."""
        same = copy.copy(self)
        same.args = (str(self).replace(secret, "***"),)
        return same


class ChannelUnset(ChannelDown):
    """The channel cannot be used as it is configured: trying again does not help."""


class ChannelRefused(ChannelDown):
    """The other side does not take it, and will not a little later either."""


class ChannelGone(ChannelRefused):
    """What was to be changed is not there any more."""


class ChannelBusy(ChannelDown):
    """The channel may take it later. `wait` is how long it asks to wait; None when it does not say."""

    def __init__(self, why: str, wait: timedelta | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class ChannelUnsure(ChannelBusy):
    """It did not answer, and may have taken it."""


class ChannelLimited(ChannelBusy):
    """It has taken too much lately."""


class NotMeant(Exception):
    """The channel does not take such announcements; nothing was sent."""


class Place(NamedTuple):
    """Where the message of an incident is, of a channel that can edit it."""

    at: str
    stale: bool = False
    """Whether it could not be edited, although what was to be told arrived."""


class Channel(Protocol):
    """A way to reach people."""

    @property
    def name(self) -> str:
        """Its name in the configuration."""

    @property
    def keeps_pages_open(self) -> bool:
        """Whether a page stays open there until it is told of its end, of each role for itself."""

    async def deliver(self, announcement: Announcement) -> Place | None:
        """Send it once. Raises `ChannelDown` or `NotMeant`; returns once the other side has it.

        Where the message of the incident is, if the channel can edit it.
        """


class TimedChannel(Channel, Protocol):
    """A channel whose time is bounded."""

    @property
    def timeout(self) -> timedelta:
        """For one try, and before another channel is tried meanwhile."""

    @property
    def retry_for(self) -> timedelta:
        """How long it is tried again while it is busy."""


class BoundedChannel:
    """A channel limited to its configured severities and times.

    When its rate limit asks to wait, nothing is sent before that, whichever incident it is about. A page
    waits for a few seconds only, as a limit that is over by then must not keep anybody asleep.
    """

    def __init__(
        self,
        channel: Channel,
        severities: Collection[Severity],
        timeout: timedelta,
        retry_for: timedelta,
        late: type[ChannelDown] = ChannelUnsure,
        own_limits: Collection[str] = (),
    ) -> None:
        """`late` is raised when it does not answer in time: `ChannelDown` where the first try may go on.

        `own_limits` are the roles that the other side counts for themselves.
        """
        self._channel = channel
        self._severities = severities
        self.timeout = timeout
        self.retry_for = retry_for
        self._late = late
        self._own_limits = own_limits
        self._limits: dict[str, tuple[ChannelLimited, float]] = {}
        """What was said last, and when; by role of `own_limits`, else by an empty name."""

    @property
    def name(self) -> str:
        return self._channel.name

    @property
    def keeps_pages_open(self) -> bool:
        return self._channel.keeps_pages_open

    async def deliver(self, announcement: Announcement) -> Place | None:
        # A page that is open is closed, also when the severity rose since.
        heard = announcement.severity in self._severities or announcement.ends_at(self.name)
        if self._severities and not heard:
            raise NotMeant
        ends = announcement.ends_at(self.name) if self.keeps_pages_open else ()
        parts = [announcement.model_copy(update={"role": role}) for role in ends] or [announcement]
        # One role whose key is refused must not leave the pages of the others open.
        outcomes = await asyncio.gather(*map(self._outcome_of, parts))
        if failures := [one for one in outcomes if isinstance(one, ChannelDown)]:
            raise max(failures, key=_hope)
        return next((one for one in outcomes if isinstance(one, Place)), None)

    async def _outcome_of(self, announcement: Announcement) -> ChannelDown | Place | None:
        try:
            return await self._deliver(announcement)
        except ChannelDown as down:
            return down

    async def _deliver(self, announcement: Announcement) -> Place | None:
        counted = announcement.role if announcement.role in self._own_limits else ""
        clock = asyncio.get_running_loop().time
        if limit := self._limits.get(counted):
            limited, since = limit
            longest = LONGEST_SILENCE_OF_PAGES if announcement.occasion.wakes else LONGEST_SILENCE
            silent = min(limited.wait or timedelta(), longest)
            if (left := since + silent.total_seconds() - clock()) > 0:
                raise ChannelBusy(str(limited), timedelta(seconds=left))
        try:
            async with asyncio.timeout(self.timeout.total_seconds()):
                return await self._channel.deliver(announcement)
        except ChannelLimited as limited:
            self._limits[counted] = limited, clock()
            raise
        except TimeoutError as error:
            raise self._late(f"no answer within {in_words(self.timeout)}") from error


def _hope(down: ChannelDown) -> int:
    if isinstance(down, ChannelUnset | ChannelRefused):
        return 0
    return 2 if isinstance(down, ChannelBusy) else 1


class UnsetChannel:
    """A channel whose secret is missing or invalid; each delivery fails with that reason."""

    keeps_pages_open = False
    timeout = retry_for = timedelta()

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        self.why = why

    async def deliver(self, announcement: Announcement) -> None:
        raise ChannelUnset(self.why)
