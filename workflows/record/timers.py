"""Timers that no replay misses: what waits beside local activities never cancels its timer.

A query that comes with a workflow task can end the task just when a local activity in it has ended. What
follows is done in the next task; a replay does it in the first one. A timer that is begun and cancelled
there leaves no event, while the history has one: the run cannot go on any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from temporalio import workflow


async def wait(over: Callable[[], bool], at_most: timedelta, summary: str) -> bool:
    """Wait until it is over, for at most so long. Whether it was; the timer fires later, unheard."""
    timer = asyncio.create_task(workflow.sleep(at_most, summary=summary))
    await workflow.wait_condition(lambda: over() or timer.done())
    return over()
