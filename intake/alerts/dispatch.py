"""The way from an alert to its incident: a run is started, or the one that is open is told.

At-least-once in, one run out: duplicate, late and repeated notifications are normal input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from temporalio.client import Client
from temporalio.service import RPCError

from intake.alerts.delivered import Delivered
from intake.alerts.rechecks import Rechecks
from intake.alerts.routing import Content, Routed
from intake.alerts.runs import Runs
from intake.alerts.waiting import Results, Taken, Waiting
from runtime.connection import PATIENCE
from runtime.errors import TemporalAway, Unfit, in_time, unfit

TRIES = 3
"""A run may close between the moment it is found open and the moment it is told."""
ANSWER_WITHIN = 3 * PATIENCE
"""For an alert that waits for others: longer than one call may take."""

_NEVER = "Temporal does not take this alert, and sending it again changes nothing"


class Dispatch:
    """Takes alerts to Temporal. Returns only when Temporal has them."""

    def __init__(self, client: Callable[[], Client]) -> None:
        self._runs = Runs(client)
        self._delivered = Delivered()
        self._waiting = Waiting(self._deliver)
        self._rechecks = Rechecks(self._ended, self._waiting.add)
        self._log = structlog.get_logger("intake")

    def repeats(self, incident: str, alerts: Sequence[Routed]) -> Results | None:
        """The results for what an open run has already: for a moment it is not even asked for.

        None for what has to be taken.
        """
        if not self._waiting.any(incident) and self._delivered.holds(incident, alerts):
            run = self._delivered.run_of(incident)
            if run and self._rechecks.hold(incident, run, alerts):
                return [Taken.TOLD] * len(alerts)
        return None

    async def take(self, incident: str, alerts: Sequence[Routed]) -> Results:
        """Start the incident of these alerts, or tell the open one. A resolved alert starts none.

        What an open run has already is not told again. Raises TemporalAway when Temporal does not
        answer in time or refuses for now; an alert that it will never take is Unfit among the results.
        """
        if repeats := self.repeats(incident, alerts):
            return repeats
        self._rechecks.drop(incident, (one.instance for one in alerts))
        async with in_time(ANSWER_WITHIN):
            return await self._waiting.add(incident, alerts)

    async def finish(self) -> None:
        """Settle what was answered without a call: the process ends."""
        await self._rechecks.finish()

    async def _deliver(self, incident: str, alerts: Sequence[Routed]) -> Results:
        """All in one; each by itself when one of them is at fault."""
        try:
            async with in_time(2 * PATIENCE):
                results = await self._tell_or_start(incident, alerts)
        except _NeverTaken as error:
            if len(alerts) == 1:
                return [Unfit(f"{_NEVER}: {error}")]
            return [one for alert in alerts for one in await self._deliver(incident, [alert])]
        self._log.info("alerts taken", incident=incident, count=len(alerts), taken=results[0].value)
        return results

    async def _tell_or_start(self, incident: str, alerts: Sequence[Routed]) -> list[Taken]:
        try:
            return await self._told(incident, alerts) or await self._started(incident, alerts)
        except RPCError as error:
            if unfit(error):
                raise _NeverTaken(error.message) from error
            raise

    async def _told(self, incident: str, alerts: Sequence[Routed]) -> list[Taken] | None:
        """By the run that was told last; None when there is none, or it is over."""
        run = self._delivered.run_of(incident)
        if run is None:
            return None
        news = self._delivered.news(incident, alerts)
        self._delivered.doubt(incident, news)
        if news:
            is_open = await self._runs.tell(incident, run, news)
        else:
            is_open = await self._runs.ended(incident, run) is None
        if not is_open:
            self._delivered.forget(incident, run)
            return None
        self._delivered.confirm(incident, run, news)
        return [Taken.TOLD] * len(alerts)

    async def _started(self, incident: str, alerts: Sequence[Routed]) -> list[Taken]:
        """By a run that starts with the most severe alert, or by one that somebody else has started."""
        news = self._delivered.news(incident, alerts)
        firing = [one for one in news if one.alert.firing]
        began = await self._runs.begin(_most_severe(firing)) if firing else None
        known: set[Content] = set()
        if firing and not began:
            known = {one.content for one in await self._runs.known(incident, firing)}
            news = [one for one in news if one.content not in known]
            firing = [one for one in firing if one.content not in known]
        if not firing:
            told = bool(news) and await self._runs.tell(incident, None, news)
            otherwise = Taken.TOLD if told else Taken.NOTHING_OPEN
            return [Taken.KNOWN if one.content in known else otherwise for one in alerts]
        first = _most_severe(firing)
        for _ in range(TRIES):
            run, now = (began, True) if began else await self._runs.start(first)
            began = None
            rest = [one for one in news if not (now and one is first)]
            if not rest or await self._runs.tell(incident, run, rest):
                self._delivered.confirm(incident, run, news)
                became = dict.fromkeys(known, Taken.KNOWN) | ({first.content: Taken.STARTED} if now else {})
                return [became.get(one.content, Taken.TOLD) for one in alerts]
        raise TemporalAway("the incident opened and closed faster than it could be told")

    async def _ended(self, incident: str, run: str) -> datetime | None:
        async with in_time(timedelta(seconds=2) + PATIENCE):
            ended = await self._runs.ended(incident, run)
        if ended:
            self._delivered.forget(incident, run)
        elif self._delivered.run_of(incident) == run:
            self._delivered.confirm(incident, run)
        return ended


def _most_severe(alerts: Sequence[Routed]) -> Routed:
    return min(alerts, key=lambda one: one.severity.rank)


class _NeverTaken(Exception):
    """Temporal says that the call as it is can never be taken."""
