"""Messages that come by the thousand at once: beyond a bound they are only counted, and told of in one line.

A worker has two seconds for all that one workflow task brings. What took longer would be tried again for
ever, and the run would hear nothing any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from temporalio import workflow

MOST_AT_ONCE = 200
"""Messages of one kind that are read, of those that come at once."""
COUNTED = "what comes beyond a bound is counted"
"""The patch from which on a run reads no more of them."""


class TooMany:
    """Counts what was not read. `tell` hears once how many there were of a kind that came at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._unread: Counter[str] = Counter()
        self._task = -1
        self._came: Counter[tuple[str, bool]] = Counter()

    async def in_task(self, kind: str, said: object) -> bool:
        """Whether this one is not read: so many of its kind came in the same workflow task.

        Those with a signature are counted apart: no crowd of others keeps them out.
        """
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task = task
            self._came.clear()
        like = (kind, isinstance(said, dict) and bool(said.get("signature")))
        self._came[like] += 1
        return await self.beyond(kind, self._came[like] - 1)

    async def beyond(self, kind: str, before: int) -> bool:
        """Whether this one is not read, with so many like it before it."""
        if before < MOST_AT_ONCE or not workflow.patched(COUNTED):
            return False
        self._unread[kind] += 1
        if self._unread[kind] == 1:
            await workflow.wait_condition(lambda: True)  # until all that came with it have been counted
            self._tell(f"{self._unread.pop(kind)} more of `{kind}` were not read: too many came at once")
        return True
