"""Verifies over a stability window: one activity that samples and heartbeats.

The samples are kept in the heartbeats, so that another worker resumes with them. Use a heartbeat timeout
of about 10 s: the SDK then sends the newest samples at least every 8 s, so a kill loses one or two.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from temporalio import activity

from activities.support.heartbeats import beating
from activities.support.stability import Pace, Patience, Samples
from models.evidence.evidence import Evidence, VerificationResult


async def watch(probe: Callable[[], Awaitable[Evidence]], pace: Pace | Patience) -> VerificationResult:
    """Sample until there is a verdict."""
    so_far = _resumed() or Samples(started_at=datetime.now(UTC))
    async with beating(lambda: so_far):
        while True:
            began = time.monotonic()
            so_far = so_far.after(await probe(), datetime.now(UTC), pace.every)
            activity.heartbeat(so_far)
            if found := pace.verdict(so_far):
                return found
            spent = time.monotonic() - began
            await asyncio.sleep(max(0.0, pace.every.total_seconds() - spent))


def _resumed() -> Samples | None:
    """The samples of the previous attempt, if its worker was lost."""
    details = activity.info().heartbeat_details
    if not details:
        return None
    before = Samples.model_validate(details[0])
    return before.model_copy(update={"resumed": before.resumed + 1})
