"""One run of a workflow, driven without a server: the product's own class on an event loop of its own.

As the SDK has it, what came in is applied together, messages first. What the SDK keeps for itself is
reached in this file alone.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any, NoReturn

from temporalio.common import RetryPolicy, SearchAttributeUpdate
from temporalio.exceptions import ActivityError, CancelledError, FailureError

from models.incident.incident import Phase
from models.incident.search_attributes import FAULT, PHASE
from models.messages import BEGAN_IN
from tests.simulation.loop import Loop
from workflows.record.guarded_messages import Hears

if TYPE_CHECKING:
    from tests.simulation.server import Server

Job = Callable[[], object]


class GoesOn(BaseException):
    """The run goes on as a new one with this input."""

    def __init__(self, arg: Any, memo: Mapping[str, Any]) -> None:
        super().__init__(arg)
        self.arg, self.memo = arg, memo


@dataclass(frozen=True)
class Info:
    """What a workflow may know of itself, by the SDK's names."""

    workflow_id: str
    run_id: str
    workflow_type: str
    first_execution_run_id: str
    memo: Mapping[str, Any]
    long_history: Callable[[], bool]
    namespace: str = "default"

    @property
    def began_in(self) -> str:
        """The run in which its incident began."""
        began: str = self.memo.get(BEGAN_IN, self.run_id)
        return began

    def is_continue_as_new_suggested(self) -> bool:
        return self.long_history()

    def get_current_history_length(self) -> int:
        return 0


@dataclass(frozen=True)
class Recipient:
    """Another workflow, as one workflow signals it."""

    sender: Run
    id: str
    run_id: str | None

    async def signal(self, name: str, arg: Any) -> None:
        await self.sender.server.signal_from(self.sender, self.id, self.run_id, name, arg)


@dataclass(frozen=True)
class Options:
    """How often an activity is tried, and how long that may take."""

    local: bool
    retry: RetryPolicy
    within: timedelta | None


class Run(Loop):
    """The event loop and the workflow runtime of one run."""

    def __init__(self, server: Server, info: Info, make: Callable[[Any], Any], arg: Any) -> None:
        super().__init__(lambda: server.now, self._at)
        setattr(self, "__temporal_workflow_runtime", self)
        self.server = server
        self.info = info
        self.closed = ""
        """How it ended; empty while it is open."""
        self.result: Any = None
        self.object: Any = None
        self.logger_details: dict[str, Any] = {}
        self._make, self._arg = make, arg
        self._primary: asyncio.Task[None] | None = None
        self._cancel_reason: str | None = None
        self._handlers = 0
        """Messages that are being heard."""
        self._first: list[Job] = []
        self._then: list[Job] = [self._begin]
        self._random = Random(info.run_id)

    # What the server does with a run

    def take(self, job: Job, *, message: bool = False) -> None:
        """Keep what came in for the next activation; messages come before everything else."""
        (self._first if message else self._then).append(job)

    def handle(self, name: str, *args: Any) -> None:
        """A signal: its handler runs when the loop does."""
        self.call_soon(self._hear, getattr(self.object, name), *args)

    def _hear(self, handler: Callable[..., Any], *args: Any) -> None:
        if isinstance(self.object, Hears):
            self.object.message_came()
        said = handler(*args)
        if inspect.iscoroutine(said):
            self._handlers += 1
            self.create_task(said).add_done_callback(self._heard)

    def _heard(self, _: object) -> None:
        self._handlers -= 1

    def activate(self) -> None:
        """Apply all that came in, and run until nothing moves."""
        with self:
            if self.object is None:
                self.object = self._make(self._arg)
            jobs, self._first, self._then = [*self._first, *self._then], [], []
            for job in jobs:
                job()
            self.run_ready()
        if self.failed:
            raise self.failed

    def asked(self, query: str) -> Any:
        """The answer to a query."""
        with self:
            return getattr(self.object, query)()

    def end(self, how: str) -> None:
        """The run ends here, whatever it waits for."""
        self.closed = self.closed or how
        with self:
            self.evict()
        self.failed = None

    def _at(self, delay: float, timer: asyncio.TimerHandle) -> None:
        self.server.after(delay, lambda: None if timer.cancelled() else self.server.tell(self, timer._run))

    def _begin(self) -> None:
        self._primary = self.create_task(self._main())

    async def _main(self) -> None:
        try:
            self.result = await self.object.run(self._arg)
            self.closed = "completed"
        except GoesOn as new:
            self.closed = "continued"
            self.server.goes_on(self, new.arg, new.memo)
        except FailureError as error:
            self.closed = f"failed: {error}"
        except asyncio.CancelledError:
            self.closed = self.closed or "cancelled"
        except Exception as error:
            self.failed = error

    def cancel(self) -> None:
        """A person requests the cancellation of the run, which is heard once."""
        if self._cancel_reason is None and self._primary:
            self._cancel_reason = "by a person"
            self.call_soon(self._primary.cancel)

    # The runtime of a workflow, as `temporalio.workflow` knows it

    def workflow_info(self) -> Info:
        return self.info

    def workflow_time_ns(self) -> int:
        return self.server.time_ns()

    def workflow_random(self) -> Random:
        return self._random

    def workflow_is_replaying_history_events(self) -> bool:
        return False

    def workflow_patch(self, id: str, **_: Any) -> bool:
        """Each run begins with the code of today."""
        return True

    def workflow_all_handlers_finished(self) -> bool:
        return self._handlers == 0

    def workflow_set_current_details(self, details: str) -> None:
        """Nobody reads it here."""

    def workflow_upsert_search_attributes(
        self, attributes: Sequence[SearchAttributeUpdate[Any]], **_: Any
    ) -> None:
        if any(one.key == FAULT for one in attributes):
            self.server.after(0, lambda: self.server.observer.found_itself_at_fault(self))
        if any(one.key == PHASE and one.value == Phase.ESCALATED for one in attributes):
            self.server.after(0, lambda: self.server.observer.escalated(self))

    def workflow_get_external_workflow_handle(self, id: str, *, run_id: str | None) -> Recipient:
        return Recipient(self, id, run_id)

    def workflow_cancellation_reason(self) -> str | None:
        return self._cancel_reason

    def workflow_memo_value(self, key: str, default: Any, *, type_hint: type | None) -> Any:
        return self.info.memo.get(key, default)

    def workflow_continue_as_new(
        self, arg: Any, *, memo: Mapping[str, Any] | None = None, **_: Any
    ) -> NoReturn:
        raise GoesOn(arg, memo or {})

    async def workflow_wait_condition(
        self,
        fn: Callable[[], bool],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the SDK's name
        **_: Any,
    ) -> None:
        await asyncio.wait_for(self.until(fn), timeout)

    async def workflow_sleep(self, duration: float, **_: Any) -> None:
        future = self.create_future()
        self.call_later(duration, lambda: None if future.done() else future.set_result(None))
        await future

    def workflow_start_activity(self, activity: Any, arg: Any = None, **how: Any) -> asyncio.Task[Any]:
        return self._start(activity.__name__, arg, how, local=False)

    def workflow_start_local_activity(self, activity: Any, arg: Any = None, **how: Any) -> asyncio.Task[Any]:
        return self._start(activity.__name__, arg, how, local=True)

    def _start(self, name: str, arg: Any, how: dict[str, Any], *, local: bool) -> asyncio.Task[Any]:
        options = Options(
            local=local,
            retry=how["retry_policy"] or RetryPolicy(),
            within=how["schedule_to_close_timeout"],
        )
        future = self.create_future()
        self.server.start_activity(self, name, arg, options, future)
        return self.create_task(self._outcome(name, future))

    async def _outcome(self, name: str, future: asyncio.Future[Any]) -> Any:
        """As the SDK has it: an activity that is cancelled fails, and so does whoever awaits it."""
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() or self.closed:
                raise
            task = asyncio.current_task()
            if task:
                task.uncancel()
            raise activity_failed(name, CancelledError("cancelled"))  # noqa: B904 - its cause is what it tells


def activity_failed(name: str, cause: BaseException) -> ActivityError:
    """As the SDK raises it."""
    failed = ActivityError(
        "activity failed",
        scheduled_event_id=0,
        started_event_id=0,
        identity="",
        activity_type=name,
        activity_id="",
        retry_state=None,
    )
    failed.__cause__ = cause
    return failed
