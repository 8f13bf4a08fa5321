"""Heartbeats of long activities: the one place that knows how often.

A worker that was killed is noticed when its heartbeats stop, so that another one takes the
activity over. Both context managers beat three times within the activity's own heartbeat
time-out: one beat may be late or lost before the server gives the activity up. Without a
heartbeat time-out nobody listens, and nothing is sent in the background.
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
"""Of so many parts of a heartbeat time-out the last one may be all that is left after a beat."""


def interval() -> timedelta | None:
    """How often the running activity must beat; None when it has no heartbeat time-out."""
    timeout = activity.info().heartbeat_timeout
    return timeout / BEATS_PER_TIMEOUT if timeout else None


@contextlib.asynccontextmanager
async def beating(progress: Callable[[], Model] | None = None) -> AsyncIterator[None]:
    """Beat beside an `async def` activity until the block ends.

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
    """Whether the running attempt is still the one that the server waits for.

    The SDK passes a heartbeat on only when four fifths of the time-out have gone by since the last
    one, so a process that stood still for the fifth that is left may have been given up.
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
        """Note that the process runs, and whether it stood still since the last time."""
        now = _clock()
        self._stood_still = self._stood_still or now - self._beat_at > self._longest
        self._beat_at = now

    def still_mine(self) -> None:
        """Called right before what cannot be undone. Raises `GivenUp` when another worker may do it too."""
        self.beat()
        if self._stood_still or _clock() > self._until or activity.is_cancelled():
            raise GivenUp("this worker stood still, and another may have taken over")


def _clock() -> float:
    """Seconds that go on while the process is stopped, or its machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@contextlib.contextmanager
def beating_in_thread(progress: Callable[[], Model] | None = None) -> Iterator[Attempt]:
    """Beat beside a plain `def` activity, which blocks its own thread, until the block ends."""
    attempt = Attempt()
    if attempt.pause is None:
        yield attempt
        return
    over = threading.Event()
    context = contextvars.copy_context()  # a new thread would not know which activity it beats for
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
