"""Stores what incidents do, beside the work of a worker: one round after the other, by one worker of all.

Temporal is the source of truth, and the store a copy that grows. A store that is away holds up nothing: what
happened meanwhile is stored when it is back, as long as Temporal keeps it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog
from temporalio.client import Client

from models.base import in_days
from models.configuration.configuration import Configuration
from runtime.alive.gauges import Gauge, Gauges
from runtime.errors import NobodyAnswers, TemporalAway, Trouble
from runtime.incidents import IncidentLine
from runtime.store.collecting import Collector, retention
from runtime.store.database import StoreAway
from runtime.store.opening import database_of
from runtime.store.store import Growth, IncidentStore, Known

EVERY = timedelta(seconds=15)
AGAIN = timedelta(minutes=15)
"""So far back the closed ones are listed again: Temporal's list may be late."""
MOST_CLOSED = 200
"""Closed incidents that are stored in one round: after a long outage it takes several."""
TOGETHER = 20
"""Incidents of one transaction."""
AT_ONCE = 8
"""Of them are asked."""

logger = structlog.get_logger(__name__)


class _Look(NamedTuple):
    """One incident to ask about; `closed_at` of one that is to be stored as closed."""

    began_in: str
    ask: Callable[[], Awaitable[Growth | None]]
    closed_at: datetime | None = None


class StoreRounds:
    """The rounds of one worker."""

    def __init__(self, client: Client, gauges: Gauges, every: timedelta = EVERY) -> None:
        self._client = client
        self._gauges = gauges
        self._every = every
        self._collector = Collector(client)
        self._few = asyncio.Semaphore(AT_ONCE)
        self._prepared = ""
        self._away_since: datetime | None = None
        self._keeps_all = False
        self._unread = set[str]()

    async def run(self, configuration: Callable[[], Configuration]) -> None:
        """For ever. What goes wrong is logged once, until it goes well again."""
        while True:
            try:
                await self.round(configuration())
                self._gauges.set(Gauge.STORE_ROUND, time.time())
                await self._is_back()
            except StoreAway as trouble:
                self._is_away(str(trouble))
            except Trouble as trouble:  # Temporal's own absence is told by the other rounds
                logger.info("nothing stored this round", why=str(trouble))
            except Exception:
                logger.exception("nothing stored this round")
            await asyncio.sleep(self._every.total_seconds())

    async def round(self, configuration: Configuration) -> int:
        """One round, where no other worker makes it; the number of events that were stored.

        Raises StoreAway and TemporalAway.
        """
        database = database_of(configuration)
        store = IncidentStore(database)
        if self._prepared != database.where:
            await store.prepare()
            self._prepared = database.where
        now = datetime.now(UTC)
        if not await store.claim(now, self._every * 0.9):
            return 0
        stored = await self._store_new(store, now)
        await self._remove_old(store, now, configuration.store.keep)
        return stored

    async def _remove_old(self, store: IncidentStore, now: datetime, keep: timedelta) -> None:
        """A role that may only add leaves it to the owner of the tables."""
        try:
            removed = await store.remove_closed_before(now - keep, now)
        except StoreAway as error:
            if not self._keeps_all:
                self._keeps_all = True
                logger.warning("what is past its time stays in the store", why=str(error))
            return
        if removed:
            logger.info("removed incidents past their time from the store", incidents=removed)

    async def _store_new(self, store: IncidentStore, now: datetime) -> int:
        until = await store.closed_until()
        since = until - AGAIN if until else None
        listed, known = await self._collector.listed(since), await store.known(since)
        closed = [
            _Look(
                began_in,
                partial(self._collector.growth, began_in, line, known.get(began_in)),
                line.closed_at or now,
            )
            for began_in, line in listed.items()
            if not line.open and not (began_in in known and known[began_in].closed)
        ]
        closed.sort(key=lambda one: one.closed_at or now)
        looks = [*self._of_open(listed, known), *closed[:MOST_CLOSED]]
        stored = 0
        unread = [one.closed_at for one in closed[MOST_CLOSED:]]
        for place in range(0, len(looks), TOGETHER):
            some = looks[place : place + TOGETHER]
            found = await asyncio.gather(*map(self._asked, some))
            unread += [one.closed_at for one, growth in zip(some, found, strict=True) if growth is None]
            if growths := [growth for growth in found if growth]:
                stored += await store.append(growths, now)
        await store.all_closed_until(min([now, *filter(None, unread)]))
        return stored

    def _of_open(self, listed: Mapping[str, IncidentLine], known: Mapping[str, Known]) -> Sequence[_Look]:
        opened = [
            _Look(began_in, partial(self._collector.growth, began_in, line, known.get(began_in)))
            for began_in, line in listed.items()
            if line.open
        ]
        gone = [
            _Look(began_in, partial(self._collector.missing, began_in, one))
            for began_in, one in known.items()
            if not one.closed and began_in not in listed
        ]
        return [*opened, *gone]

    async def _asked(self, look: _Look) -> Growth | None:
        """None for one that cannot be read now, too: it holds up no other."""
        async with self._few:
            try:
                growth = await look.ask()
            except (StoreAway, TemporalAway):
                raise
            except NobodyAnswers:
                return None
            except Exception:
                if look.began_in not in self._unread:
                    self._unread.add(look.began_in)
                    logger.exception("an incident cannot be read, and is not stored", run=look.began_in)
                return None
        self._unread.discard(look.began_in)
        return growth

    def _is_away(self, why: str) -> None:
        if self._away_since is None:
            self._away_since = datetime.now(UTC)
            logger.warning(
                "the incident store is away: incidents go on, and are stored when it is back", why=why
            )

    async def _is_back(self) -> None:
        if self._away_since is None:
            return
        away, self._away_since = datetime.now(UTC) - self._away_since, None
        kept = await retention(self._client)
        logger.info("the incident store is back", away=in_days(away))
        if kept and away > kept:
            logger.error(
                "some closed incidents are lost to the store: Temporal keeps them for a shorter time",
                away=in_days(away), kept=in_days(kept),
            )  # fmt: skip
