"""Sends one announcement to the channels of one rung."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence

from temporalio import activity

from activities.notify.channel import TimedChannel, UnsetChannel
from activities.notify.delivery import Delivery
from activities.support.counts import count_announcement
from activities.support.heartbeats import beating
from models.incident.announcement import Announcement, Delivered, Receipt


class ChannelActivities:
    """The channels of the configuration, by name."""

    def __init__(self, channels: Mapping[str, TimedChannel]) -> None:
        self._channels = channels

    @activity.defn
    async def announce(self, announcement: Announcement) -> Delivered:
        """Send to all of `also_to` at once, and meanwhile to `first_of` in order, until one accepts.

        A channel that is down gives a receipt, not an error; one that is busy is tried again, for its
        own time. Deliveries are kept in the heartbeat, so that a retry on another worker pages nobody twice.
        """
        async with asyncio.TaskGroup() as group:
            telling = _Telling(self._channels, announcement, group, _delivered_before())
            async with beating(telling.so_far):
                reached = await telling.reach()
        return Delivered(receipts=telling.receipts, reached=reached, left_open=tuple(telling.left_open()))


class _Telling:
    """The delivery of one announcement; each channel gets it at most once."""

    def __init__(
        self,
        channels: Mapping[str, TimedChannel],
        announcement: Announcement,
        group: asyncio.TaskGroup,
        before: Iterable[Receipt],
    ) -> None:
        self._channels = channels
        self._announcement = announcement
        self._group = group
        self._receipts = {receipt.channel: receipt for receipt in before}
        self._deliveries: dict[str, Delivery] = {}
        self._changed = asyncio.Event()

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """In the order in which the channels answered."""
        return tuple(self._receipts.values())

    def so_far(self) -> Delivered:
        """What a worker that takes over must know."""
        delivered = tuple(receipt for receipt in self.receipts if receipt.delivered)
        return Delivered(receipts=delivered, reached=False)

    async def reach(self) -> bool:
        """Tell everybody who is to be told.

        Whether the rung was reached; without one, whether anybody was.
        """
        also = self._announcement.also_to
        started = [self._start(name) for name in (*also, *self._with_an_open_page())]
        reached = await self._reach_one_of(self._announcement.first_of)
        for delivery in started:
            if delivery:
                await delivery.wait()
        return reached if self._announcement.first_of else any(map(self._has_it, also))

    def _with_an_open_page(self) -> Iterator[str]:
        """Where a page stays open until its end is told, also when another channel takes the end."""
        for name in dict.fromkeys(one.channel for one in self._announcement.ends):
            if name in self._channels and self._channels[name].keeps_pages_open:
                yield name

    def left_open(self) -> Iterator[str]:
        """Where a page is open still, though trying again may end it."""
        for name in self._with_an_open_page():
            receipt = self._receipts.get(name)
            if receipt and not receipt.delivered and not receipt.final:
                yield name

    def _has_it(self, name: str) -> bool:
        if delivery := self._deliveries.get(name):
            return delivery.accepted
        return name in self._receipts and self._receipts[name].delivered

    async def _reach_one_of(self, names: Sequence[str]) -> bool:
        """One that is put off is tried on beside those after it; the first that accepts ends the search."""
        if any(map(self._has_it, names)):
            return True
        tried: list[Delivery] = []
        for name in names:
            if delivery := self._start(name):
                tried.append(delivery)
                if await self._accepted(tried, or_put_off=delivery):
                    break
        reached = await self._accepted(tried)
        in_any_case = {*self._announcement.also_to, *self._with_an_open_page()}
        for one in tried:
            if one.channel.name not in in_any_case:
                one.stop()
                await one.wait()
        return reached

    async def _accepted(self, tried: Sequence[Delivery], or_put_off: Delivery | None = None) -> bool:
        """Whether one of them has accepted, once that is known, or once the newest is put off."""
        while True:
            self._changed.clear()
            if any(one.accepted for one in tried):
                return True
            if all(one.over for one in tried) or (or_put_off and (or_put_off.over or or_put_off.put_off)):
                return False
            await self._changed.wait()

    def _start(self, name: str) -> Delivery | None:
        """The one delivery to this channel; None when it had it before."""
        if name in self._receipts and name not in self._deliveries:
            return None
        if name not in self._deliveries:
            unknown = UnsetChannel(name, "there is no channel of this name in the configuration")
            channel = self._channels.get(name, unknown)
            self._deliveries[name] = Delivery(channel, self._announcement, self._group, self._hear)
        return self._deliveries[name]

    def _hear(self, delivery: Delivery) -> None:
        if delivery.over and delivery.receipt:
            name = delivery.channel.name
            self._receipts[name] = delivery.receipt
            if name in self._channels:
                count_announcement(delivery.receipt)
            if delivery.accepted:
                activity.heartbeat(self.so_far())
        self._changed.set()


def _delivered_before() -> list[Receipt]:
    """What an earlier attempt of this activity delivered before its worker was lost."""
    details = activity.info().heartbeat_details
    return list(Delivered.model_validate(details[0]).receipts) if details else []
