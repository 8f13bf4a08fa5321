"""How much memory the requests in hand may take together, and which of them make room for others.

A request is counted while its body arrives, and after that until it is answered. A body that is not complete
costs its sender nothing, so those that began first make room. What is complete stays, and what no longer fits
is sent back. Small requests have a room of their own, as strangers have: neither is kept out by the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from intake.http.answers import Stop

SMALL = 256 * 2**10
"""Bytes: a webhook of some fifty alerts."""
FOR_SMALL = 8 * 2**20
FOR_LARGE = 8 * 2**20
"""Bytes of all large requests. One that is larger is taken when it is alone."""
MOST_ARRIVING = 128
"""Requests whose bodies arrive at a time."""
MOST_OF_STRANGERS = 16
"""The same, of those who are known by their body alone, such as a form that brings a token."""
_HELD = "runbooks.held"


class Held:
    """What one request takes."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0
        self.stranger = False
        self.arriving: asyncio.Timeout | None = None
        """Set while its body arrives: it ends that."""
        self.left = False
        """Whether it made room for others."""

    def set(self, size: int) -> None:
        """Raises Stop with 503 where this does not fit."""
        self.size = size
        self._room.fit(self)

    @asynccontextmanager
    async def arrives(self, within: float, *, stranger: bool = False) -> AsyncIterator[None]:
        """While the body arrives. Raises TimeoutError after so many seconds, and Stop with 503 where it had
        to make room."""
        self.stranger = stranger
        try:
            async with asyncio.timeout(within) as self.arriving:
                self._room.seat(self)
                yield
        except TimeoutError:
            if self.left:
                raise _full() from None
            raise
        finally:
            self.arriving = None

    def leave(self) -> None:
        """End its body."""
        if self.arriving is not None:
            self.left = True
            if not self.arriving.expired():  # its time may be up at this very moment
                self.arriving.reschedule(0)
            self.arriving = None


class Room:
    """What all requests in hand take: the middleware that counts them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._held: dict[Held, None] = {}
        """In the order in which they began."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = Held(self)
        self._held[held] = None
        try:
            await self._app({**scope, _HELD: held}, receive, send)
        finally:
            self._held.pop(held, None)

    def seat(self, new: Held) -> None:
        """Have the one that began first make room where too many arrive."""
        alike = [held for held in self._held if held.arriving and held.stranger == new.stranger]
        if len(alike) > (MOST_OF_STRANGERS if new.stranger else MOST_ARRIVING):
            self._leave(next(held for held in alike if held is not new))

    def fit(self, one: Held) -> None:
        """Have those that began first make room for one. Raises Stop with 503 where that is not enough."""
        small = one.size <= SMALL
        most = FOR_SMALL if small else FOR_LARGE
        alike = [held for held in self._held if (held.size <= SMALL) == small]
        taken = sum(held.size for held in alike)
        for held in alike:
            if taken > most and held.arriving and held is not one:
                taken -= held.size
                self._leave(held)
        if taken > max(most, one.size):
            raise _full()

    def _leave(self, held: Held) -> None:
        self._held.pop(held)
        held.leave()


def held_for(request: Request) -> Held:
    """What this request takes."""
    held: Held = request.scope[_HELD]
    return held


def _full() -> Stop:
    reason = "too many requests bring too much at this moment: send it again"
    return Stop(503, reason, {"retry-after": "5", "connection": "close"})
