"""Tells an open page by server-sent events that what it shows has changed; the page fetches it anew.

See the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from intake.http.answers import Stop
from runtime.errors import Trouble

LOOKS_EVERY = 1.0
"""Seconds."""
STAYS = 300
"""Looks after which a browser connects anew."""
QUIET = 15
"""Looks without a change after which a comment keeps the connection."""
MOST_VIEWERS = 60
MOST_OF_ONE = 12
"""Of one person; without a name, of one session or address."""
MOST_NAMELESS = 40
"""Of all without a name, who can sign in as often as they like: the rest is for people who decide."""
AGAIN = b"retry: 2000\n\n"
"""Milliseconds after which a browser connects anew."""

LATER = {"retry-after": "15"}

Mark = Callable[[], Awaitable[str]]
"""The mark of what a page would show now. It may raise Trouble."""


def mark_of(*shown: str) -> str:
    """A short text that changes with what is shown."""
    return hashlib.sha256("\0".join(shown).encode()).hexdigest()[:16]


class Viewer(NamedTuple):
    """Whose stream it is: a person's, or a session's or an address's."""

    who: str
    named: bool


class _Stream(StreamingResponse):
    """Counts until it is over, also where the browser left before it began."""

    def __init__(self, marks: AsyncIterator[bytes], over: Callable[[], None]) -> None:
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(marks, media_type="text/event-stream", headers=headers)
        self._over = over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._over()


class Live:
    """The streams of this process; they end when it drains."""

    def __init__(self, draining: asyncio.Event) -> None:
        self._viewers = Counter[Viewer]()
        self._draining = draining

    def follow(self, viewer: Viewer, mark: Mark) -> Response:
        """Raises Stop: 429 where this viewer has too many pages open, 503 where all together have."""
        if self._viewers[viewer] >= MOST_OF_ONE:
            why = f"you follow {MOST_OF_ONE} pages live already: close one, or load this one again"
            raise Stop(429, why, LATER)
        nameless = sum(count for one, count in self._viewers.items() if not one.named)
        if self._viewers.total() >= MOST_VIEWERS or (not viewer.named and nameless >= MOST_NAMELESS):
            why = "too many pages follow incidents live: load this one again to see what changed"
            raise Stop(503, why, LATER)
        self._viewers[viewer] += 1
        return _Stream(self._marks(mark), lambda: self._left(viewer))

    def _left(self, viewer: Viewer) -> None:
        self._viewers[viewer] -= 1
        if not self._viewers[viewer]:
            del self._viewers[viewer]

    async def _marks(self, mark: Mark) -> AsyncIterator[bytes]:
        yield AGAIN
        last, quiet = "", 0
        for _ in range(STAYS):
            if self._draining.is_set():
                return
            now = await _or_the_trouble(mark)
            quiet += 1
            if now != last:
                last, quiet = now, 0
                yield f"event: shown\ndata: {now}\n\n".encode()
            elif quiet % QUIET == 0:
                yield b": still the same\n\n"
            await self._a_moment()

    async def _a_moment(self) -> None:
        try:
            async with asyncio.timeout(LOOKS_EVERY):
                await self._draining.wait()
        except TimeoutError:
            return


async def _or_the_trouble(mark: Mark) -> str:
    """A page that cannot be shown says why: that is a change as well."""
    try:
        return await mark()
    except Trouble as error:
        return mark_of(str(error))
