"""Reads webhooks. While an alert fires its source repeats itself to the byte: what was read is remembered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from cachetools import LRUCache

from intake.alerts.payload import Batch, Refused, read_webhook
from intake.alerts.routing import Nameless, Routed, route
from models.configuration.configuration import Configuration
from models.incident.alert import AlertStatus

REMEMBERED = 12 * 2**20
"""Bytes of memory for what is remembered: some 2,500 alerts."""
OBJECT = 1536
"""Bytes of memory that each object of a webhook takes, at most about: an alert has three."""
SOON_READ = 16 * 2**10
"""Bytes of a body that is read in place. Longer ones are read beside, one after the other: what is made to be
slow to redact must not keep others waiting."""


class Placed(NamedTuple):
    """An alert with its place in the batch; none for one that was fetched because the batch was cut."""

    place: int | None
    routed: Routed


@dataclass(frozen=True)
class Read:
    """A webhook, and where its alerts belong by this configuration."""

    batch: Batch
    configuration: Configuration
    alerts: tuple[Placed, ...]
    refused: tuple[Refused, ...]
    size: int
    """Bytes of memory that it takes with its body."""

    @property
    def lasts(self) -> bool:
        """Whether it says the same at any time: an alert that names no time is taken as of now."""
        return all(
            one.starts_at and (one.ends_at or one.status is AlertStatus.FIRING) for _, one in self.batch.good
        )


class Reader:
    """Reads each body once for as long as its configuration is in force."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._remembered: LRUCache[bytes, Read] = LRUCache(REMEMBERED, getsizeof=lambda read: read.size)

    async def read(self, body: bytes, configuration: Configuration) -> Read:
        """Raises Unreadable for what is no webhook at all."""
        if read := self._known(body, configuration):
            return read
        if len(body) <= SOON_READ:
            return self._remember(body, _read(body, configuration))
        async with self._one_at_a_time:
            if (read := self._known(body, configuration)) is None:
                read = await asyncio.to_thread(_read, body, configuration)
        return self._remember(body, read)

    def _known(self, body: bytes, configuration: Configuration) -> Read | None:
        read = self._remembered.get(body)
        return read if read and read.configuration is configuration else None

    def _remember(self, body: bytes, read: Read) -> Read:
        if read.lasts and read.size <= REMEMBERED:
            self._remembered[body] = read
        return read


def _read(body: bytes, configuration: Configuration) -> Read:
    batch = read_webhook(body, configuration.service_labels)
    return _routed(batch, configuration, unpacked(body))


def _routed(batch: Batch, configuration: Configuration, size: int) -> Read:
    alerts: list[Placed] = []
    refused = list(batch.refused)
    for index, received in batch.good:
        try:
            alerts.append(Placed(index, route(received, configuration)))
        except Nameless as error:
            refused.append(Refused(index=index, reason=str(error)))
    return Read(batch, configuration, tuple(alerts), tuple(refused), size)


def unpacked(body: bytes) -> int:
    """About how many bytes of memory a webhook takes once it is read, with its body."""
    return len(body) + body.count(b"{") * OBJECT
