"""Work that the end of the alert, or a person's word, may cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

R = TypeVar("R")


async def unless(stop: Callable[[], bool], work: Coroutine[Any, Any, R]) -> R | None:
    """The result of the work; None when `stop` became true first, and the work was cancelled."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(workflow.wait_condition(stop))
    try:
        done, _ = await workflow.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:  # not `finally`: an evicted run awaits nothing
        await _cancelled(working, stopping)
        raise
    await _cancelled(working, stopping)
    return working.result() if working in done else None


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
