"""Heartbeats of long activities.

When a worker is killed its heartbeats stop, and another worker retries the activity. Both context managers
heartbeat three times within the activity's heartbeat timeout, so that one may be late or lost. Without a
heartbeat timeout none are sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

from temporalio import activity

from models.base import Model

BEATS_PER_TIMEOUT = 3
LISTENED_TO_FOR = 5
"""After a heartbeat, one of these parts of the timeout may be all that is left."""


def interval() -> timedelta | None:
    """How often the running activity must heartbeat; None without a heartbeat timeout."""
    timeout = activity.info().heartbeat_timeout
    return timeout / BEATS_PER_TIMEOUT if timeout else None


@contextlib.asynccontextmanager
async def beating(progress: Callable[[], Model] | None = None) -> AsyncIterator[None]:
    """Heartbeat during an `async def` activity until the block ends.

    Every heartbeat replaces the details of the one before, so an activity that keeps its
    progress there passes `progress`, which is called at each beat and must be quick.
    """
    every = interval()
    task = asyncio.create_task(_beat(every, progress)) if every else None
    try:
        yield
    finally:
        if task:
            task.cancel()
            await asyncio.wait({task})  # a cancellation of the activity itself still comes through


async def _beat(every: timedelta, progress: Callable[[], Model] | None) -> None:
    while True:
        _send(progress)
        await asyncio.sleep(every.total_seconds())


class GivenUp(Exception):
    """The server may have given this attempt to another worker."""


class Attempt:
    """Whether the server still waits for this attempt.

    The SDK passes a heartbeat on only when four fifths of the time-out have gone by since the last
    one, so after a pause of the last fifth the server may have given up this attempt.
    """

    def __init__(self) -> None:
        info = activity.info()
        self.pause = info.heartbeat_timeout / (2 * LISTENED_TO_FOR) if info.heartbeat_timeout else None
        """Between two beats."""
        self._longest = 2 * self.pause.total_seconds() if self.pause else math.inf
        whole = info.start_to_close_timeout if self.pause else None
        self._until = _clock() + whole.total_seconds() if whole else math.inf
        self._beat_at = _clock()
        self._stood_still = False

    def beat(self) -> None:
        """Record that the process runs, and whether it was paused since the last time."""
        now = _clock()
        self._stood_still = self._stood_still or now - self._beat_at > self._longest
        self._beat_at = now

    def still_mine(self) -> None:
        """Call it right before an irreversible call. Raises `GivenUp` when another worker may also run it."""
        self.beat()
        if self._stood_still or _clock() > self._until or activity.is_cancelled():
            raise GivenUp("this worker was paused, and another may have taken over")


def _clock() -> float:
    """A clock that continues while the process is stopped or the machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@contextlib.contextmanager
def beating_in_thread(progress: Callable[[], Model] | None = None) -> Iterator[Attempt]:
    """Heartbeat during a `def` activity, which blocks its own thread, until the block ends."""
    attempt = Attempt()
    if attempt.pause is None:
        yield attempt
        return
    over = threading.Event()
    context = contextvars.copy_context()  # a new thread has no activity context of its own
    args = (_beat_until, over, attempt, attempt.pause, progress)
    thread = threading.Thread(target=context.run, args=args, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield attempt
    finally:
        over.set()
        thread.join()


def _beat_until(
    over: threading.Event, attempt: Attempt, pause: timedelta, progress: Callable[[], Model] | None
) -> None:
    while not over.is_set():
        # The worker's event loop was too busy to take this beat; the next one tries again.
        with contextlib.suppress(TimeoutError):
            _send(progress)
            attempt.beat()
        over.wait(pause.total_seconds())


def _send(progress: Callable[[], Model] | None) -> None:
    if progress is None:
        activity.heartbeat()
    else:
        activity.heartbeat(progress())
