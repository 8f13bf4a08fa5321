"""In an alert storm a page is answered between two webhooks, not behind all that have arrived."""

from __future__ import annotations

import asyncio

LONG = 4 * 2**10
"""Bytes of a webhook of which only one is taken in each turn of the event loop. It keeps the loop for a
millisecond or so; a page needs some five turns of the loop."""


class Turns:
    """Lets one webhook on in each turn of the event loop, in the order in which they came."""

    def __init__(self) -> None:
        self._next = asyncio.Lock()

    async def wait(self) -> None:
        """Returns when it is one's turn: what is done before the next `await` has this turn for itself."""
        async with self._next:
            await asyncio.sleep(0)
