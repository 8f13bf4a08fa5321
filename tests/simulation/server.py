"""Temporal as an episode has it: a clock that jumps, runs by their IDs, messages, activities, workers.

Messages are delivered once and may be late; activities are tried as their options say, and an answer
may be lost before or after the effect. Workers may be away: what comes meanwhile comes at once later.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from temporalio.exceptions import ApplicationError, TimeoutError

from models.incident.alert import Alert
from models.incident.so_far import Opened
from tests.simulation.run import Info, Options, Run, activity_failed
from tests.simulation.script import Script

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
LOST_AFTER = 10.0
"""Seconds until an answer that never comes is given up."""
LONG_HISTORY = 25
"""Activations after which a history is called long, where histories are."""

NOTHING: Mapping[str, Any] = {}

Reply = Callable[[Any], None]


@dataclass
class Call:
    """One activity of one run, from its schedule to its outcome."""

    run: Run
    name: str
    arg: Any
    options: Options
    future: asyncio.Future[Any]
    label: str
    since: float
    attempt: int = 1

    @property
    def open(self) -> bool:
        """Whether anybody waits for it still."""
        return not (self.run.closed or self.future.done())


class Activities(Protocol):
    """What activities do; `reply` is called with the result, or the error, when they are done."""

    def perform(self, call: Call, reply: Reply) -> None: ...


class Observer(Protocol):
    """Who is told of what happens between runs."""

    def sent(self, to: str, name: str, arg: Any) -> None: ...

    def signalled(self, target: Run, name: str, arg: Any) -> None: ...

    def scheduled(self, call: Call) -> None: ...

    def closed(self, run: Run) -> None: ...

    def found_itself_at_fault(self, run: Run) -> None: ...

    def escalated(self, run: Run) -> None: ...


class Server:
    """The clock and everything that is delivered by it."""

    def __init__(self, script: Script, workflows: Mapping[str, Callable[[Any], Any]]) -> None:
        self.script = script
        self.now = 0.0
        self.runs: dict[str, list[Run]] = {}
        """Every run by its workflow ID, the newest last."""
        self.activities: Activities
        self.observer: Observer
        self.away_until = 0.0
        self._workflows = workflows
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._count = itertools.count()
        self._calls: Counter[str] = Counter()
        self._activations: Counter[str] = Counter()

    # The clock

    def time_ns(self) -> int:
        return int(EPOCH.timestamp()) * 10**9 + round(self.now * 1e6) * 1000

    def datetime(self) -> datetime:
        return EPOCH + timedelta(microseconds=round(self.now * 1e6))

    def after(self, delay: float, what: Callable[[], object]) -> None:
        heapq.heappush(self._events, (self.now + max(delay, 0), next(self._count), what))

    def run_until(self, then: float) -> None:
        """Let everything happen that is due until then."""
        while self._events and self._events[0][0] <= then:
            self.now, _, what = heapq.heappop(self._events)
            what()
        self.now = then

    # Runs

    def start(
        self, type_name: str, workflow_id: str, arg: Any, first: str = "", memo: Mapping[str, Any] = NOTHING
    ) -> Run:
        """A new run; its first activation comes with whatever is sent to it at this moment."""
        earlier = self.runs.setdefault(workflow_id, [])
        run_id = f"{workflow_id}#{len(earlier) + 1}"

        def long_history() -> bool:
            return "histories are long" in self.script.troubles and self._activations[run_id] > LONG_HISTORY

        info = Info(workflow_id, run_id, type_name, first or run_id, memo, long_history)
        if isinstance(arg, Alert) and not isinstance(arg, Opened):
            arg = Opened(**dict(arg))
        run = Run(self, info, self._workflows[type_name], arg)  # type: ignore[abstract]  # what is not used
        earlier.append(run)
        self.after(0, lambda: self._activate(run))
        return run

    def open_run(self, workflow_id: str, run_id: str | None = None) -> Run | None:
        """The open run of this ID; of this one run, if it is named."""
        runs = self.runs.get(workflow_id, [])
        newest = runs[-1] if runs else None
        return newest if newest and not newest.closed and run_id in (None, newest.info.run_id) else None

    def open_incident(self, workflow_id: str, began_in: str) -> Run | None:
        """The open run of the incident that began in this one."""
        run = self.open_run(workflow_id)
        return run if run and run.info.began_in == began_in else None

    def open_runs(self) -> list[Run]:
        return [runs[-1] for runs in self.runs.values() if not runs[-1].closed]

    def goes_on(self, run: Run, arg: Any, memo: Mapping[str, Any]) -> None:
        """Continue as new, with its input as a history keeps it."""
        kept = type(arg).model_validate_json(arg.model_dump_json())
        info = run.info
        self.start(info.workflow_type, info.workflow_id, kept, info.first_execution_run_id, memo)

    def terminate(self, workflow_id: str) -> None:
        run = self.open_run(workflow_id)
        if run:
            run.end("terminated")
            self.observer.closed(run)

    # What is delivered

    def tell(self, run: Run, job: Callable[[], object], *, message: bool = False) -> None:
        """Hand something to a run: at once, or when there are workers again."""
        if run.closed:
            return
        run.take(job, message=message)
        self._activate(run)

    def signal(self, run: Run, name: str, *args: Any) -> None:
        """A signal is accepted here, and handled when a worker takes it."""
        self.observer.signalled(run, name, args[0] if args else None)
        self.tell(run, lambda: run.handle(name, *args), message=True)

    def update(self, run: Run, name: str, arg: Any, reply: Reply) -> None:
        self.tell(run, lambda: run.call_soon(lambda: reply(getattr(run.object, name)(arg))), message=True)

    async def signal_from(self, sender: Run, to: str, run_id: str | None, name: str, arg: Any) -> None:
        """From one workflow to another; fails when it is not open any more."""
        self.observer.sent(to, name, arg)
        accepted = sender.create_future()
        label = f"{sender.info.run_id}/{name}"
        self._calls[label] += 1

        def accept() -> None:
            target = self.open_run(to, run_id)
            if target:
                self.signal(target, name, arg)
            self.tell(sender, lambda: None if accepted.done() else accepted.set_result(target is not None))

        self.after(0.01 + 2 * self.script.chance(f"{label}/{self._calls[label]}") ** 4, accept)
        if not await accepted:
            raise ApplicationError(f"{to} is not open")

    def away(self, seconds: float) -> None:
        """No worker for so long."""
        self.away_until = max(self.away_until, self.now + seconds)

    def _activate(self, run: Run) -> None:
        if self.now < self.away_until:
            self.after(self.away_until - self.now, lambda: self._activate(run))
        elif not run.closed:
            self._activations[run.info.run_id] += 1
            run.activate()
            if run.closed:
                run.end(run.closed)
                self.observer.closed(run)

    # Activities

    def start_activity(
        self, run: Run, name: str, arg: Any, options: Options, future: asyncio.Future[Any]
    ) -> None:
        counted = f"{run.info.run_id}/{name}"
        self._calls[counted] += 1
        call = Call(run, name, arg, options, future, f"{counted}/{self._calls[counted]}", self.now)
        self.observer.scheduled(call)
        self.after(0.01, lambda: self._try(call))

    def _try(self, call: Call) -> None:
        if not call.open:
            return
        if self.now < self.away_until:
            self.after(self.away_until - self.now, lambda: self._try(call))
            return
        fate = self.script.chance(f"{call.label}/{call.attempt}")
        trouble = "looks fail" if call.options.local else "answers are lost"
        often = 0.08 if trouble in self.script.troubles and not call.name.startswith("watch_") else 0.0
        if fate < often / 2:
            self.after(LOST_AFTER, lambda: self._failed(call))
            return
        begun_at, attempt = self.now, call.attempt

        def reply(result: Any) -> None:
            lost = fate < often or (begun_at < self.away_until and not call.options.local)
            if call.attempt != attempt:
                return
            if lost and not call.name.startswith("watch_"):
                self.after(LOST_AFTER, lambda: self._failed(call))
            else:
                self._resolve(call, result)

        self.activities.perform(call, reply)

    def _failed(self, call: Call) -> None:
        """An attempt whose answer never came: tried again, or given up."""
        retry = call.options.retry
        pause = retry.initial_interval.total_seconds() * retry.backoff_coefficient ** (call.attempt - 1)
        longest = retry.maximum_interval or 100 * retry.initial_interval
        pause = min(pause, longest.total_seconds())
        within = call.options.within
        too_late = within is not None and self.now + pause - call.since > within.total_seconds()
        if too_late or (retry.maximum_attempts and call.attempt >= retry.maximum_attempts):
            self._resolve(call, TimeoutError("no answer came", type=None, last_heartbeat_details=()))
            return
        call.attempt += 1
        self.after(pause, lambda: self._try(call))

    def _resolve(self, call: Call, result: Any) -> None:
        def resolve() -> None:
            if call.future.done():
                return
            if not isinstance(result, BaseException):
                call.future.set_result(result)
            elif call.options.local:
                call.future.set_exception(result)
            else:
                call.future.set_exception(activity_failed(call.name, result))

        self.tell(call.run, resolve)
