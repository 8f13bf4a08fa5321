"""Nobody waits for a slow look to be told: the ladder begins meanwhile, with what is known so far.

One timer is for all looks of an incident that nobody was told of yet. It may be cancelled only once a message
was answered that was sent after it began: then it stands in the history, whichever workflow task a query
split. See `workflows.record.timers`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from temporalio import workflow

SLOW = timedelta(seconds=5)
"""So long the first person who is due waits for the looks."""


class SlowLooks:
    """Calls `begin` when a look is slow and nobody was told. `answered` counts the messages."""

    def __init__(
        self, begin: Callable[[], None], begun: Callable[[], bool], answered: Callable[[], int]
    ) -> None:
        self._begin = begin
        self._begun = begun
        self._answered = answered
        self._watching: asyncio.Task[None] | None = None
        self._since: datetime | None = None
        self._nothing_was_sent = True

    def resume(self) -> None:
        """The run before this one may have sent messages, which are answered at any time."""
        self._nothing_was_sent = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """The looks within are watched."""
        self._since = workflow.now()
        if not self._begun() and self._watching is None:
            self._watching = asyncio.create_task(self._watch(cancels=self._nothing_was_sent))
            self._nothing_was_sent = False
        try:
            yield
        finally:
            self._since = None

    async def _watch(self, *, cancels: bool) -> None:
        while (
            self._since and not self._begun() and (left := self._since + SLOW - workflow.now()) > timedelta()
        ):
            timer = asyncio.create_task(workflow.sleep(left, summary="a look is slow"))
            told = self._told if cancels else _never
            await workflow.wait_condition(lambda: timer.done() or told())  # noqa: B023
            timer.cancel()
            cancels = False
        self._watching = None
        if self._since:
            self._begin()

    def _told(self) -> bool:
        return self._begun() and self._answered() > 0


def _never() -> bool:
    return False
