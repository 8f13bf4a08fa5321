"""Sends one announcement to the channels of one rung."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from temporalio import activity

from activities.notify.channel import Channel, ChannelDown, ChannelUnset, NotMeant
from activities.support.counts import count_announcement
from activities.support.heartbeats import beating
from models.incident.announcement import Announcement, Delivered, Receipt


class ChannelActivities:
    """The channels of the configuration, by name."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self._channels = channels

    @activity.defn
    async def announce(self, announcement: Announcement) -> Delivered:
        """Send to all of `also_to` at once, and meanwhile to `first_of` in order, until one accepts.

        A channel that is down gives a receipt, not an error. Deliveries are kept in the heartbeat,
        so that a retry on another worker pages nobody twice.
        """
        async with asyncio.TaskGroup() as group:
            telling = _Telling(self._channels, announcement, group, _delivered_before())
            async with beating(telling.so_far):
                also = [telling.tell(name) for name in announcement.also_to]
                telling.close_pages()
                reached = await telling.reaches_one(announcement.first_of)
                heard = [await task for task in also]
        if not announcement.first_of:
            reached = any(receipt is not None and receipt.delivered for receipt in heard)
        return Delivered(receipts=telling.receipts, reached=reached)


class _Telling:
    """The delivery of one announcement; each channel gets it at most once."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        announcement: Announcement,
        group: asyncio.TaskGroup,
        before: Iterable[Receipt],
    ) -> None:
        self._channels = channels
        self._announcement = announcement
        self._group = group
        self._told: dict[str, asyncio.Task[Receipt | None]] = {}
        self._receipts = {receipt.channel: receipt for receipt in before}

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """In the order in which the channels answered."""
        return tuple(self._receipts.values())

    def so_far(self) -> Delivered:
        """What a worker that takes over must know."""
        delivered = tuple(receipt for receipt in self.receipts if receipt.delivered)
        return Delivered(receipts=delivered, reached=False)

    async def reaches_one(self, names: Sequence[str]) -> bool:
        if any(receipt.delivered for name in names if (receipt := self._receipts.get(name))):
            return True
        for name in names:
            receipt = await self.tell(name)
            if receipt is not None and receipt.delivered:
                return True
        return False

    def close_pages(self) -> None:
        """Tell the end where a page stays open until then, although another channel takes it too."""
        for channel in dict.fromkeys(one.channel for one in self._announcement.ends):
            if channel in self._channels and self._channels[channel].keeps_pages_open:
                self.tell(channel)

    def tell(self, name: str) -> asyncio.Task[Receipt | None]:
        """The one delivery to this channel; None when the channel does not take such announcements."""
        if name not in self._told:
            self._told[name] = self._group.create_task(self._deliver(name))
        return self._told[name]

    async def _deliver(self, name: str) -> Receipt | None:
        if before := self._receipts.get(name):
            return before
        try:
            receipt = await self._try(name)
        except NotMeant:
            return None
        self._receipts[name] = receipt
        if name in self._channels:
            count_announcement(receipt)
        if receipt.delivered:
            activity.heartbeat(self.so_far())
        return receipt

    async def _try(self, name: str) -> Receipt:
        channel = self._channels.get(name)
        if channel is None:
            why = "there is no channel of this name in the configuration"
            return Receipt(channel=name, delivered=False, why=why, final=True)
        try:
            await channel.deliver(self._announcement)
        except ChannelDown as down:
            final = isinstance(down, ChannelUnset)
            return Receipt(channel=name, delivered=False, why=str(down), final=final)
        except NotMeant:
            raise
        except Exception as error:
            # A bug in one channel must not stop the next one from paging. The message might
            # hold an address, so only the type is reported.
            why = f"failed with an internal error ({type(error).__name__})"
            return Receipt(channel=name, delivered=False, why=why)
        return Receipt(channel=name, delivered=True)


def _delivered_before() -> list[Receipt]:
    """What an earlier attempt of this activity delivered before its worker was lost."""
    details = activity.info().heartbeat_details
    return list(Delivered.model_validate(details[0]).receipts) if details else []
