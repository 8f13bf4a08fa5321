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
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

from temporalio import activity

from models.base import Model

BEATS_PER_TIMEOUT = 3


def interval() -> timedelta | None:
    """How often the running activity must beat; None when it has no heartbeat time-out."""
    timeout = activity.info().heartbeat_timeout
    return timeout / BEATS_PER_TIMEOUT if timeout else None


@contextlib.asynccontextmanager
async def beating(progress: Callable[[], Model] | None = None) -> AsyncIterator[None]:
    """Beat beside an `async def` activity until the block ends.

    Every heartbeat replaces the details of the one before, so an activity that keeps its
    progress there hands in `progress`, which is asked at each beat and must be quick.
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


@contextlib.contextmanager
def beating_in_thread(progress: Callable[[], Model] | None = None) -> Iterator[None]:
    """Beat beside a plain `def` activity, which blocks its own thread, until the block ends."""
    every = interval()
    if every is None:
        yield
        return
    over = threading.Event()
    context = contextvars.copy_context()  # a new thread would not know which activity it beats for
    args = (_beat_until, over, every, progress)
    thread = threading.Thread(target=context.run, args=args, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat_until(over: threading.Event, every: timedelta, progress: Callable[[], Model] | None) -> None:
    while not over.is_set():
        # The worker's event loop was too busy to take this beat; the next one tries again.
        with contextlib.suppress(TimeoutError):
            _send(progress)
        over.wait(every.total_seconds())


def _send(progress: Callable[[], Model] | None) -> None:
    if progress is None:
        activity.heartbeat()
    else:
        activity.heartbeat(progress())
