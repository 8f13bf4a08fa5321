"""Sees to it that messages arrive: a pager that is away for a moment silences nobody, and burns no ladder.

soon     every message is tried again for `reach_within`, with back-off; within each try the channels
         that are busy are tried again as they ask, for what is left of that time; for a page a few
         seconds of it, so that an acknowledgement is heard in between
late     who was paged and not reached is tried again now and then, until it works, somebody has
         acknowledged, or the incident is over; meanwhile the next rung is paged
the end  is told once no page is on its way any more: a page that arrived after it would stay open
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.base import in_words
    from models.incident.announcement import Delivered, Occasion
    from models.incident.incident import EntryKind
    from models.incident.so_far import Unreached
    from workflows.escalation.announcer import Announcer, Message
    from workflows.record.timeline import Timeline
    from workflows.record.timers import wait

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAGING = timedelta(seconds=10)
"""How long busy channels are tried for a page, before it is asked again whether it is still wanted."""
LATER, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=30)
"""Between two tries at somebody who was not reached within the time of the rung; it doubles."""

Calls = Callable[[Unreached], Message | None]
"""The message for one who is still to be reached; None where nothing is to be told any more."""


class Reaching:
    """The messages of one incident that are under way, and those who are still to be reached."""

    def __init__(self, announcer: Announcer, timeline: Timeline, quiet: Callable[[], bool]) -> None:
        self._announcer = announcer
        self._timeline = timeline
        self._quiet = quiet
        """Whether nobody is paged for now."""
        self._soon: list[asyncio.Task[None]] = []
        self._later: list[asyncio.Task[None]] = []
        self._paging = 0
        """How many pages are with the channels."""
        self._unreached: dict[str, Unreached] = {}
        """By role."""

    def so_far(self) -> tuple[Unreached, ...]:
        return tuple(self._unreached.values())

    def resume(self, so_far: Iterable[Unreached], calls: Calls, wanted: Callable[[], bool]) -> None:
        """Try on where the run before this one did."""
        for one in so_far:
            self._try_later(one, calls, wanted)

    def send(self, message: Message) -> None:
        """Send it in the background, and try again for a while."""
        ends_pages = message.occasion is Occasion.RESOLVED and self._announcer.paged
        if message.channels or message.also_to or ends_pages:
            self._begin(self._send(self._announcer.keyed(message)))

    def send_when_paged(self, write: Callable[[], Message]) -> None:
        """The same, once every page that is on its way now has arrived or was given up."""
        self._begin(self._send_when_paged(write))

    async def _send_when_paged(self, write: Callable[[], Message]) -> None:
        await self._no_page_on_its_way()
        message = write()
        if message.also_to:
            await self._arrives(self._announcer.keyed(message), lambda: True)

    def page(
        self,
        one: Unreached,
        message: Message,
        calls: Calls,
        wanted: Callable[[], bool],
        not_reached: Callable[[], None],
    ) -> None:
        """Page somebody in the background by this message, and again for as long as it is wanted.

        `not_reached` is called when it did not arrive within the time of the rung.
        """
        self._unreached.pop(one.role, None)
        self._begin(self._page(one, self._announcer.keyed(message), calls, wanted, not_reached))

    @property
    def paging(self) -> bool:
        """Whether a page is with the channels."""
        return self._paging > 0

    @property
    def busy(self) -> bool:
        """Whether a message is under way that was not tried for long yet."""
        return self._paging > 0 or any(not task.done() for task in self._soon)

    async def finish(self) -> None:
        """Wait for what is under way; each message has its bound."""
        await asyncio.gather(*self._soon)
        self._soon.clear()
        await self._no_page_on_its_way()

    async def _no_page_on_its_way(self) -> None:
        if self._paging:
            await workflow.wait_condition(lambda: not self._paging)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._soon = [task for task in self._soon if not task.done()]
        self._soon.append(asyncio.create_task(work))

    async def _send(self, message: Message) -> None:
        if message.occasion is Occasion.RESOLVED:
            await self._no_page_on_its_way()
        await self._arrives(message, lambda: True)

    async def _page(
        self,
        one: Unreached,
        message: Message,
        calls: Calls,
        wanted: Callable[[], bool],
        not_reached: Callable[[], None],
    ) -> None:
        if await self._arrives(message, wanted) or not wanted():
            return
        if message.channels:
            tried = in_words(workflow.now() - one.since)
            self._timeline.add(
                f"{one.role} was not reached for {tried}, and is tried again later", kind=EntryKind.NOT_TOLD
            )
            self._try_later(one, calls, wanted, message.key)
        not_reached()

    async def _arrives(self, message: Message, wanted: Callable[[], bool]) -> bool:
        """Whether it arrived within the time of the rung."""
        left, pause = message.policy.ladder.reach_within, FIRST_PAUSE
        until = workflow.now() + left
        while not (delivered := await self._tell(message, left)).reached or delivered.left_open:
            left = until - workflow.now()
            if left <= timedelta() or delivered.hopeless or not (message.channels or message.also_to):
                return False
            if await wait(lambda: not wanted(), min(pause, left), f"tries again to tell {message.role}"):
                return False
            message, pause = message.again(delivered), 2 * pause
            left = max(timedelta(), until - workflow.now())
        return True

    async def _tell(self, message: Message, left: timedelta) -> Delivered:
        if not message.occasion.wakes:
            return await self._announcer.tell(replace(message, within=left))
        self._paging += 1
        try:
            return await self._announcer.tell(replace(message, within=min(left, LONGEST_PAGING)))
        finally:
            self._paging -= 1

    def _try_later(self, one: Unreached, calls: Calls, wanted: Callable[[], bool], key: str = "") -> None:
        self._unreached[one.role] = one
        self._later = [task for task in self._later if not task.done()]
        self._later.append(asyncio.create_task(self._reach_later(one, calls, wanted, key)))

    async def _reach_later(self, one: Unreached, calls: Calls, wanted: Callable[[], bool], key: str) -> None:
        """Until it arrives: somebody else may have been paged since, and this one may still be asleep."""

        def over() -> bool:
            return not wanted() or self._unreached.get(one.role) is not one

        pause, reached = LATER, False
        while not reached and not await wait(over, pause, f"tries again to reach {one.role}"):
            pause = min(2 * pause, LONGEST_PAUSE)
            if self._quiet():
                continue
            if (message := calls(one)) is None:
                break
            message = self._announcer.keyed(replace(message, since=one.since, key=key))
            reached = (await self._tell(message, LONGEST_PAGING)).reached
        if self._unreached.get(one.role) is one:
            del self._unreached[one.role]
