"""An event loop that stands still between two activations, by the rules of the SDK for workflows.

Everything that is ready runs, and then the conditions are read, until nothing moves. The clock is the
server's.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

EVICTIONS = 50
"""So many turns the tasks that are left behind get to end."""


class Loop(asyncio.AbstractEventLoop):
    """What asyncio needs of a loop; `now` and `later` are its clock."""

    def __init__(
        self, now: Callable[[], float], later: Callable[[float, asyncio.TimerHandle], object]
    ) -> None:
        self.failed: BaseException | None = None
        """What a task raised that nobody awaits: nothing in the product may."""
        self._now, self._later = now, later
        self._ready: deque[asyncio.Handle] = deque()
        self._conditions: list[tuple[Callable[[], bool], asyncio.Future[bool]]] = []
        self._tasks: list[asyncio.Task[Any]] = []

    def __enter__(self) -> None:
        asyncio._set_running_loop(self)

    def __exit__(self, *_: object) -> None:
        asyncio._set_running_loop(None)

    def until(self, condition: Callable[[], bool]) -> asyncio.Future[bool]:
        """A future that is done once the condition is true."""
        future = self.create_future()
        self._conditions.append((condition, future))
        return future

    def run_ready(self) -> None:
        """Run until nothing moves."""
        while self._ready:
            while self._ready:
                self._ready.popleft()._run()
            waiting, self._conditions = self._conditions, []
            for one, future in waiting:
                if future.done():
                    continue
                if one():
                    future.set_result(True)
                else:
                    self._conditions.append((one, future))

    def evict(self) -> None:
        """End every task, whatever it waits for."""
        for _ in range(EVICTIONS):
            left = [task for task in self._tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            self.run_ready()
        self._tasks.clear()
        self._conditions.clear()

    def time(self) -> float:
        return self._now()

    def call_soon(  # type: ignore[override]  # of any arguments
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(  # type: ignore[override]  # of any arguments
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(self.time() + delay, callback, args, self, context)
        self._later(delay, handle)
        return handle

    def call_at(  # type: ignore[override]  # of any arguments
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_later(when - self.time(), callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], **_: Any) -> asyncio.Task[Any]:  # type: ignore[override]
        task = asyncio.Task(coro, loop=self)
        self._tasks = [one for one in self._tasks if not one.done()]
        self._tasks.append(task)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failed = context.get("exception") or RuntimeError(context["message"])

    def _timer_handle_cancelled(self, _: asyncio.TimerHandle) -> None:
        """Looked at when its time has come."""
