"""One conversation with Temporal at a time about each incident.

A hundred copies of one webhook in parallel become two calls: the one in the air, and one more for
everybody who came while it was. Different news about the same incident keep their order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class Flights(Generic[T]):
    """Shares calls between equal requests that wait, and keeps one key's calls in a row.

    Whoever arrives while an equal call is already in the air goes with the next one, never with
    that one: it may have left before what they tell had happened. At most `at_once` calls are in
    the air together; more only makes each of them slower.
    """

    def __init__(self, at_once: int = 8) -> None:
        self._rows: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._waiting: dict[tuple[str, str], asyncio.Task[T]] = {}
        self._seats = asyncio.Semaphore(at_once)

    async def fly(self, key: str, content: str, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`, or of an equal one that begins after now."""
        task = self._waiting.get((key, content))
        if task is None:
            task = asyncio.create_task(self._fly(key, content, call))
            self._waiting[key, content] = task
        return await asyncio.shield(task)

    async def _fly(self, key: str, content: str, call: Callable[[], Awaitable[T]]) -> T:
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = asyncio.Lock()
        async with row, self._seats:
            del self._waiting[key, content]
            return await call()
