"""A batch on its way to Temporal: each alert by itself, so that none can hold back the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import structlog

from intake.alerts.dispatch import Taken
from intake.alerts.payload import Refused
from intake.alerts.routing import Routed
from intake.http.metrics import IntakeMetrics
from models.base import Model
from models.text import plain
from runtime.errors import TemporalAway, Unfit

AT_ONCE = 8
ENOUGH = AT_ONCE
"""So many alerts that found Temporal away, and none between them that did not: the rest need not try."""


class Receipt(Model):
    """One alert that Temporal has."""

    index: int | None
    """Its place in the batch; none for one that was fetched because the batch was cut."""
    incident: str
    runbook: str
    taken: Taken


class Delivery:
    """What became of the alerts of one webhook."""

    def __init__(self, take: Callable[[Routed], Awaitable[Taken]], metrics: IntakeMetrics) -> None:
        self._take = take
        self._metrics = metrics
        self._log = structlog.get_logger("intake")
        self._receipts: list[Receipt] = []
        self._refused: list[Refused] = []
        self._away: TemporalAway | None = None
        self._away_in_a_row = 0

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        return tuple(sorted(self._receipts, key=lambda one: (one.index is None, one.index or 0)))

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The alerts that Temporal will never take."""
        return tuple(self._refused)

    async def bring(self, alerts: Iterable[tuple[int | None, Routed]]) -> None:
        """Take the alerts to Temporal, a few at a time. Raises TemporalAway once all have been tried.

        When it is away from many in a row, the rest are not tried: they will come again.
        """
        waiting = iter(alerts)
        carriers = (self._carry(waiting) for _ in range(AT_ONCE))
        ended = await asyncio.gather(*carriers, return_exceptions=True)  # none ends another
        for trouble in (*ended, self._away):
            if trouble is not None:
                raise trouble

    async def _carry(self, waiting: Iterator[tuple[int | None, Routed]]) -> None:
        for index, routed in waiting:
            try:
                self._note(index, routed, await self._take(routed))
                self._away_in_a_row = 0
            except Unfit as error:
                self._refuse(index, routed, str(error))
                self._away_in_a_row = 0
            except TemporalAway as error:
                self._away = self._away or error
                self._away_in_a_row += 1
            if self._away_in_a_row >= ENOUGH:
                return

    def _note(self, index: int | None, routed: Routed, taken: Taken) -> None:
        incident = routed.alert.incident_id
        self._metrics.taken.labels(taken.value).inc()
        self._log.info("alert taken", incident=incident, taken=taken.value, index=index)
        self._receipts.append(Receipt(index=index, incident=incident, runbook=routed.runbook, taken=taken))

    def _refuse(self, index: int | None, routed: Routed, reason: str) -> None:
        self._metrics.refused.inc()
        self._log.warning("alert refused", incident=routed.alert.incident_id, reason=reason, index=index)
        self._refused.append(Refused(index=index, reason=plain(reason)))
