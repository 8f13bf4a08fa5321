"""A batch on its way to Temporal: each incident by itself, so that none can hold back the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

import structlog

from intake.alerts.payload import Refused
from intake.alerts.routing import Routed, by_incident
from intake.alerts.waiting import Results, Taken
from intake.http.metrics import IntakeMetrics
from models.base import Model
from models.text import plain
from runtime.errors import TemporalAway, Unfit

AT_ONCE = 8
ENOUGH = AT_ONCE
"""So many incidents that found Temporal away, and none between them that did not: the rest need not try."""


class Receipt(Model):
    """One alert that Temporal has."""

    index: int | None
    """Its place in the batch; none for one that was fetched because the batch was cut."""
    incident: str
    runbook: str
    taken: Taken


Take = Callable[[str, Sequence[Routed]], Awaitable[Results]]
Repeats = Callable[[str, Sequence[Routed]], Results | None]
"""The results for what need not be taken: it is known already."""
Group = tuple[str, list[tuple[int | None, Routed]]]


def _none(_: str, __: Sequence[Routed]) -> Results | None:
    """Nothing is known."""
    return None


class Delivery:
    """What became of the alerts of one webhook."""

    def __init__(self, take: Take, metrics: IntakeMetrics, repeats: Repeats = _none) -> None:
        self._take = take
        self._repeats = repeats
        self._metrics = metrics
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
        """Take the alerts to Temporal, a few incidents at a time. Raises TemporalAway once all were tried.

        When it is away from many in a row, the rest are not tried: they will come again.
        """
        groups = [group for group in by_incident(alerts).items() if not self._repeated(*group)]
        waiting = iter(groups)
        carriers = (self._carry(waiting) for _ in range(min(AT_ONCE, len(groups))))
        if not groups:
            return
        ended = await asyncio.gather(*carriers, return_exceptions=True)  # none ends another
        for trouble in (*ended, self._away):
            if trouble is not None:
                raise trouble

    def note_heartbeats(self, alerts: Iterable[tuple[int | None, Routed]]) -> None:
        """Receipts for alerts that belong to no incident."""
        for index, routed in alerts:
            self._note(index=index, incident="", routed=routed, result=Taken.HEARTBEAT)

    async def _carry(self, waiting: Iterator[Group]) -> None:
        for incident, group in waiting:
            try:
                results = await self._take(incident, [routed for _, routed in group])
            except TemporalAway as error:
                self._away = self._away or error
                self._away_in_a_row += 1
            else:
                self._away_in_a_row = 0
                self._note_all(incident, group, results)
            if self._away_in_a_row >= ENOUGH:
                return

    def _repeated(self, incident: str, group: list[tuple[int | None, Routed]]) -> bool:
        results = self._repeats(incident, [routed for _, routed in group])
        if results:
            self._note_all(incident, group, results)
        return bool(results)

    def _note_all(self, incident: str, group: list[tuple[int | None, Routed]], results: Results) -> None:
        for (index, routed), result in zip(group, results, strict=True):
            self._note(incident, index, routed, result)

    def _note(self, incident: str, index: int | None, routed: Routed, result: Taken | Unfit) -> None:
        if isinstance(result, Taken):
            self._metrics.taken(result.value).inc()
            receipt = Receipt.model_construct(  # made of what was validated
                index=index, incident=incident, runbook=routed.runbook, taken=result
            )
            self._receipts.append(receipt)
            return
        self._metrics.refused.inc()
        log = structlog.get_logger("intake")
        log.warning("alert refused", incident=incident, reason=str(result), index=index)
        self._refused.append(Refused(index=index, reason=plain(str(result))))
