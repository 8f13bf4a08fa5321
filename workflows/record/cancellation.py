"""A cancellation ends no run in the middle: it is heard, as a message is.

Temporal cancels the main task of a run, once, and with it whatever it waits for. So the life of a run
is a task of its own, and the main one only waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

R = TypeVar("R")


async def hearing_cancellation(life: Coroutine[Any, Any, R], heard: Callable[[str], None]) -> R:
    """The result of this life. A cancellation is handed to `heard`, with the reason that was given."""
    living, was_heard = asyncio.create_task(life), False
    while not living.done():
        try:
            await workflow.wait([living])
        except asyncio.CancelledError:
            reason = workflow.cancellation_reason()
            if reason is None or was_heard:  # the run is evicted from its worker
                raise
            was_heard = True
            heard(reason)
    return living.result()
