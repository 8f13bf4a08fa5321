"""Tells an open page by server-sent events that what it shows has changed; the page fetches it anew.

See the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import Response, StreamingResponse

from intake.http.answers import Stop
from runtime.errors import Trouble

LOOKS_EVERY = 1.0
"""Seconds."""
STAYS = 300
"""Looks after which a browser connects anew."""
QUIET = 15
"""Looks without a change after which a comment keeps the connection."""
MOST_VIEWERS = 60
AGAIN = b"retry: 2000\n\n"
"""Milliseconds after which a browser connects anew."""

Mark = Callable[[], Awaitable[str]]
"""The mark of what a page would show now. It may raise Trouble."""


def mark_of(*shown: str) -> str:
    """A short text that changes with what is shown."""
    return hashlib.sha256("\0".join(shown).encode()).hexdigest()[:16]


class Live:
    """The streams of this process; they end when it drains."""

    def __init__(self, draining: asyncio.Event) -> None:
        self._viewers = 0
        self._draining = draining

    def follow(self, mark: Mark) -> Response:
        """Raises Stop with 503 where too many look already."""
        if self._viewers >= MOST_VIEWERS:
            raise Stop(503, "too many pages follow incidents live: load this one again to see what changed")
        self._viewers += 1
        return StreamingResponse(
            self._marks(mark),
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )

    async def _marks(self, mark: Mark) -> AsyncIterator[bytes]:
        try:
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
        finally:
            self._viewers -= 1

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
