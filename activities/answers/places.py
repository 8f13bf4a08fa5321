"""Threads for the scripts that prove: those that hang take none from whatever else the worker does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


class NoPlace(Exception):
    """All were taken for the whole time: it was not begun. The text says so."""


class Places:
    """So many run at once; what finds no place within its time is given up."""

    def __init__(self, many: int, within: timedelta) -> None:
        self._threads = ThreadPoolExecutor(many, thread_name_prefix="script")
        self._within = within

    async def run(self, work: Callable[[], T]) -> T:
        """Its result. Raises `NoPlace`."""
        begun = self._threads.submit(work)
        ended = asyncio.wrap_future(begun)
        try:
            await asyncio.wait((ended,), timeout=self._within.total_seconds())
            if begun.cancel():
                raise NoPlace("as many scripts as may run at once are running, and none of them ended")
            return await ended
        finally:
            begun.cancel()
