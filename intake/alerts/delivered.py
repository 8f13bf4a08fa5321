"""What Temporal has been told of each open incident, so that a repeat need not be told.

Only what Temporal confirmed is here. That a run is still open is believed for a moment; after
that Temporal is asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from cachetools import TTLCache

from intake.alerts.routing import Routed

ASKED_EVERY = timedelta(seconds=5)
"""How long after a repeat that was answered without a call its run is asked for."""
BELIEVED = ASKED_EVERY + timedelta(seconds=1)
"""How long a run that was open is taken to be open still: until the answer to that is there, so that
repeats that come without a break wait for no call."""
KEPT = timedelta(days=1)
MOST = 20_000
"""Alerts that are remembered in all; the incidents that were longest without word are forgotten first."""
MOST_OF_ONE = 1_000


@dataclass
class _Told:
    run: str
    confirmed: float
    alerts: dict[str, bytes] = field(default_factory=dict)
    """Of each instance that fires, what was told last."""


class Delivered:
    """A bounded memory, lost with the process: then each open alert is told once more."""

    def __init__(self) -> None:
        self._told: TTLCache[str, _Told] = TTLCache(
            MOST, KEPT.total_seconds(), getsizeof=lambda told: 1 + len(told.alerts)
        )

    def run_of(self, incident: str) -> str | None:
        """The run that was told last, which may have closed meanwhile."""
        told = self._told.get(incident)
        return told.run if told else None

    def holds(self, incident: str, alerts: Iterable[Routed]) -> bool:
        """Whether a run that is believed to be open has them all, unchanged."""
        told = self._told.get(incident)
        if told is None or time.monotonic() > told.confirmed + BELIEVED.total_seconds():
            return False
        return all(told.alerts.get(one.instance) == one.content.digest for one in alerts)

    def news(self, incident: str, alerts: Iterable[Routed]) -> list[Routed]:
        """Those that would tell the run something, in order."""
        told = self._told.get(incident)
        last = dict(told.alerts) if told else {}
        news = []
        for one in alerts:
            if last.get(one.instance) != one.content.digest:
                last[one.instance] = one.content.digest
                news.append(one)
        return news

    def doubt(self, incident: str, alerts: Iterable[Routed]) -> None:
        """These are about to be told: until Temporal has confirmed it, nobody knows what the run has."""
        if told := self._told.get(incident):
            for one in alerts:
                told.alerts.pop(one.instance, None)

    def confirm(self, incident: str, run: str, alerts: Sequence[Routed] = ()) -> None:
        """This run is open, and has these. What is resolved is forgotten: it may fire again."""
        told = self._told.pop(incident, None)
        if told is None or told.run != run:
            told = _Told(run, 0.0)
        told.confirmed = time.monotonic()
        for one in alerts:
            told.alerts.pop(one.instance, None)
            if one.alert.firing:
                told.alerts[one.instance] = one.content.digest
        while len(told.alerts) > MOST_OF_ONE:
            del told.alerts[next(iter(told.alerts))]
        self._told[incident] = told

    def forget(self, incident: str, run: str) -> None:
        """This run is over."""
        if self.run_of(incident) == run:
            del self._told[incident]
