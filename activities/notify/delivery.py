"""The tries of one announcement at one channel, until it takes it, refuses it, or its time is over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

from activities.notify.channel import (
    ChannelBusy,
    ChannelDown,
    ChannelRefused,
    ChannelUnset,
    ChannelUnsure,
    NotMeant,
    TimedChannel,
)
from models.base import in_words
from models.incident.announcement import Announcement, Receipt

FIRST_PAUSE = timedelta(milliseconds=500)
LONGEST_PAUSE = timedelta(seconds=10)
MOST_UNSURE = 1
"""So often it is sent again although it may have arrived."""
MOST_JITTER = 0.1


class Delivery:
    """A channel that is busy is tried again: when it asks for it, else after a pause that doubles."""

    def __init__(
        self,
        channel: TimedChannel,
        announcement: Announcement,
        group: asyncio.TaskGroup,
        changed: Callable[[Delivery], None],
    ) -> None:
        """`changed` hears of it when it is put off, and when it is over."""
        self.channel = channel
        self.receipt: Receipt | None = None
        """Whether it was delivered; None until then, and from a channel that takes no such announcement."""
        self.put_off = False
        """Whether another channel should be tried meanwhile."""
        self._announcement = announcement
        self._tried_for = channel.retry_for
        if announcement.within is not None:
            self._tried_for = min(announcement.within, channel.retry_for)
        self._changed = changed
        self._why = ""
        self._tries = 0
        self._trying = False
        self._stopped = False
        self._unsure = 0
        self._final = False
        self._task = group.create_task(self._run())
        self._task.add_done_callback(lambda _: changed(self))

    @property
    def over(self) -> bool:
        return self._task.done()

    @property
    def accepted(self) -> bool:
        return self.receipt is not None and self.receipt.delivered

    async def wait(self) -> None:
        """Until it is over."""
        await asyncio.wait({self._task})

    def stop(self) -> None:
        """Try no more, for another channel has accepted.

        A try that is under way may arrive all the same: where a page stays open, its answer is waited for.
        """
        self._stopped = True
        if self.over or (self._trying and self.channel.keeps_pages_open):
            return
        self._task.cancel()
        if self._tries:
            self._why = self._why or "another channel accepted before it answered"
            self.receipt = self._failure()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        began, pause = clock(), FIRST_PAUSE
        while (busy := await self._try()) is not None:
            self._unsure += isinstance(busy, ChannelUnsure)
            if self._stopped or self._may_be_read_twice():
                self.receipt = self._failure()
                return
            wait = max(busy.wait, FIRST_PAUSE) if busy.wait else pause
            next_at = timedelta(seconds=clock() - began) + wait
            if next_at > self._tried_for:
                asks = f", and asks to wait {in_words(busy.wait)}" if busy.wait else ""
                self.receipt = self._failure(asks)
                return
            if next_at > self.channel.timeout:
                self.put_off = True
                self._changed(self)
            jitter = 1 + random.uniform(0, MOST_JITTER)  # noqa: S311 - no secret
            await asyncio.sleep(wait.total_seconds() * jitter)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _may_be_read_twice(self) -> bool:
        """Whether one more try might be one message too many; where a page stays open it is merged."""
        return self._unsure > MOST_UNSURE and not self.channel.keeps_pages_open

    async def _try(self) -> ChannelBusy | None:
        """Once. Returns why it may be tried again; None when there is nothing more to try."""
        self._tries += 1
        self._trying = True
        try:
            place = await self.channel.deliver(self._announcement)
        except ChannelBusy as busy:
            self._why = str(busy)
            return busy
        except ChannelDown as down:
            self._why, self._final = str(down), isinstance(down, ChannelUnset | ChannelRefused)
        except NotMeant:
            return None
        except Exception as error:
            # A bug in one channel must not stop the next one from paging. The message might
            # hold an address, so only the type is reported.
            self._why = f"failed with an internal error ({type(error).__name__})"
        else:
            at, stale = place or ("", False)
            self.receipt = Receipt(channel=self.channel.name, delivered=True, place=at, stale=stale)
            return None
        finally:
            self._trying = False
        self.receipt = self._failure()
        return None

    def _failure(self, more: str = "") -> Receipt:
        times = f" (tried {self._tries} times)" if self._tries > 1 else ""
        why = f"{self._why}{more}{times}"
        return Receipt(channel=self.channel.name, delivered=False, why=why, final=self._final)
