"""Waiting for something to become true: polled, and always with a bound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from demo.parts.errors import NotReadyError

POLL = 0.05
PATIENCE = 90.0
"""Seconds, where how long it takes is not what is proven: a busy machine is slow, and nobody waits for what
is so at once."""


async def until(what: str, check: Callable[[], Awaitable[str]], *, within: float = PATIENCE) -> None:
    """Poll `check` until it answers with an empty string, for at most `within` seconds.

    Any other answer is the reason why not yet; the last one is told when the time is over.
    """
    deadline = time.monotonic() + within
    reason = "not asked yet"
    while time.monotonic() < deadline:
        try:
            async with asyncio.timeout(max(0.01, deadline - time.monotonic())):
                reason = await check()
        except TimeoutError:
            reason = f"{reason}; the last look had no answer"
            break
        if not reason:
            return
        await asyncio.sleep(POLL)
    raise NotReadyError(f"{what} was not so within {within:g} s: {reason}")
