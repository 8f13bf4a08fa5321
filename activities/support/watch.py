"""The watch over a stability window, whatever is watched: one heart-beating activity.

The samples ride in the heartbeats: another worker goes on with them. Run it with a heartbeat
time-out of about 10 s; the SDK then sends the newest samples every 8 s at the latest, so that a
kill loses one or two of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from temporalio import activity

from activities.support.heartbeats import beating
from activities.support.stability import Pace, Patience, Watch
from models.evidence.evidence import Evidence, Watched


async def watch(probe: Callable[[], Awaitable[Evidence]], pace: Pace | Patience) -> Watched:
    """Probe until the pace gives its verdict."""
    so_far = _resumed() or Watch(started_at=datetime.now(UTC))
    async with beating(lambda: so_far):
        while True:
            began = time.monotonic()
            so_far = so_far.after(await probe(), datetime.now(UTC), pace.every)
            activity.heartbeat(so_far)
            if found := pace.verdict(so_far):
                return found
            spent = time.monotonic() - began
            await asyncio.sleep(max(0.0, pace.every.total_seconds() - spent))


def _resumed() -> Watch | None:
    """The watch of the attempt before this one, if a worker was lost in the middle of it."""
    details = activity.info().heartbeat_details
    if not details:
        return None
    before = Watch.model_validate(details[0])
    return before.model_copy(update={"resumed": before.resumed + 1})
