"""Other incidents: the one that heals what this one needs, and those that wait for this one.

Two runs never work on one fault. The one that is joined is told who waits, and tells its end by
signal: waiting takes no activity slot. One that escalated heals nothing, so that is told as well; and
its end, when a person brought it about, to those that went on without it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.incidents.stewardship import StewardshipActivities
    from models.incident.alert import Alert
    from models.incident.incident import Outcome
    from models.incident.joining import Ended, EndOf, Join, Joined, Standing, Waiting
    from models.incident.review import Doing
    from models.incident.so_far import OthersSoFar
    from models.names import Severity
    from workflows.record.continuation import began_in
    from workflows.record.cut_short import unless
    from workflows.record.raw_input import read
    from workflows.record.timeline import Timeline

JOINING = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))
LOOKED_AT_AFTER = timedelta(minutes=2)
"""So long the signal of its end is waited for; then the incident is looked at, each time half as often."""
LONGEST_PAUSE = timedelta(minutes=30)
"""The longest time between two of these checks."""


class OtherIncidents:
    """Waits for another incident, and tells those that wait for this one."""

    def __init__(self, timeline: Timeline, later: Callable[[Ended], None]) -> None:
        self._timeline = timeline
        self._later = later
        """Hears of the end of an incident that needed a person, and was not waited for."""
        self._ended: dict[tuple[str, str], Ended] = {}
        self._waiting: list[Waiting] = []
        self._told: Ended | None = None
        self._telling: list[asyncio.Task[None]] = []
        self._joined: Joined | None = None
        self._left: set[str] = set()
        """The incidents that needed a person when this one waited for them."""

    def so_far(self) -> OthersSoFar:
        return OthersSoFar(
            waiting=tuple(self._waiting),
            told=self._told,
            joined=self._joined,
            ended=tuple(self._ended.values()),
            left=tuple(sorted(self._left)),
        )

    def resume(self, so_far: OthersSoFar) -> None:
        """Wait, and let wait, as the run before this one did."""
        self._waiting, self._told, self._joined = list(so_far.waiting), so_far.told, so_far.joined
        self._ended = {(one.incident, one.run_id): one for one in so_far.ended}
        self._left = set(so_far.left)

    @property
    def telling(self) -> bool:
        """Whether somebody who waits is being told."""
        return any(not one.done() for one in self._telling)

    def hear_waiting(self, said: Any) -> None:
        """Another incident waits for the end of this one; told at once, if this one heals nothing."""
        waiting = read(Waiting, said)
        if waiting is None:
            return
        self._timeline.add(f"{waiting.incident} waits for the end of this incident")
        if self._told:
            self._tell(waiting, self._told)
        if waiting not in self._waiting and not (self._told and self._told.outcome):
            self._waiting.append(waiting)

    def hear_ended(self, said: Any) -> None:
        """The incident that this one waits for has ended, or needs a person."""
        ended = read(Ended, said)
        if not ended:
            return
        self._ended[ended.incident, ended.run_id] = ended
        if ended.incident in self._left and not ended.escalated:
            self._left.remove(ended.incident)
            self._timeline.add(f"{ended.incident} ended: {ended.summary}")
            self._later(ended)

    async def tell(self, outcome: Outcome | None, summary: str) -> None:
        """Signal the end to all that wait, now and later. Without an outcome it escalated."""
        ended = self._told = Ended(
            incident=workflow.info().workflow_id,
            run_id=began_in(),
            outcome=outcome,
            summary=summary,
            escalated=outcome is None,
        )
        for waiting in self._waiting:
            self._tell(waiting, ended)
        if outcome:
            self._waiting.clear()
        await asyncio.gather(*self._telling)
        self._telling.clear()

    def work_again(self) -> None:
        """This incident is worked on again: who joins it waits."""
        self._told = None

    async def heal_first(self, alert: Alert, severity: Severity, stop: Callable[[], bool]) -> Ended | None:
        """How the incident of this alert ended; None when `stop` became true first."""
        joined = self._joined or await unless(stop, self._join(alert, severity))
        if joined is None:
            return None
        self._joined = joined
        self._timeline.waits(Doing.OTHER)
        ended = await unless(stop, self._end_of(joined))
        self._timeline.goes_on()
        if ended:
            self._joined = None
            if ended.escalated:
                self._left.add(ended.incident)
            how = "needs a person, and is not waited for" if ended.escalated else "ended"
            self._timeline.add(f"{ended.incident} {how}: {ended.summary}")
        return ended

    async def _join(self, alert: Alert, severity: Severity) -> Joined:
        waiting = Waiting(incident=workflow.info().workflow_id, run_id=began_in())
        join = Join(alert=alert, runbook=alert.name, severity=severity, waiting=waiting)
        joined: Joined = await workflow.execute_activity_method(
            StewardshipActivities.join_incident,
            join,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=JOINING,
            summary=f"join or start {join.alert.incident_id}",
        )
        verb = "joined" if joined.was_open else "started"
        self._timeline.add(f"{verb} {joined.incident}, and waits for its end")
        return joined

    async def _end_of(self, joined: Joined) -> Ended:
        run = (joined.incident, joined.run_id)
        pause = LOOKED_AT_AFTER
        if not joined.told and (ended := await self._look_at(joined)):
            return ended
        while run not in self._ended:
            try:
                await workflow.wait_condition(
                    lambda: run in self._ended,
                    timeout=pause,
                    timeout_summary=f"is {joined.incident} still open?",
                )
            except TimeoutError:
                pause = min(2 * pause, LONGEST_PAUSE)
                if ended := await self._look_at(joined):
                    return ended
        return self._ended[run]

    async def _look_at(self, joined: Joined) -> Ended | None:
        """Its end, when no signal told of it: it may have been terminated."""
        standing: Standing = await workflow.execute_activity_method(
            StewardshipActivities.look_at_incident,
            EndOf(incident=joined.incident, run_id=joined.run_id),
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=JOINING,
            summary=f"is {joined.incident} still open?",
        )
        return standing.ended

    def _tell(self, waiting: Waiting, ended: Ended) -> None:
        self._telling.append(asyncio.create_task(self._signal(waiting, ended)))

    async def _signal(self, waiting: Waiting, ended: Ended) -> None:
        run = workflow.get_external_workflow_handle(waiting.incident)
        try:
            await run.signal("incident_ended", ended)
        except FailureError:
            self._timeline.add(f"{waiting.incident} does not wait any more")
