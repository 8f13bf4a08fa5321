"""Connections from anybody: each must bring a request in time, and their number writes no long log."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADERS_WITHIN = 10.0
"""Seconds for all headers of a request: uvicorn itself would wait for ever."""
SAY_AGAIN = 5.0
"""Seconds between two log records of one kind of overload."""
OVERLOADS = ("socket.accept() out of system resource", "Exceeded concurrency limit.")
"""What asyncio logs for every connection that it cannot accept, and uvicorn for every 503."""

_TOO_LATE = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s"
)


class PromptRequests(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, in which a connection without a whole request ends."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._waiting: asyncio.TimerHandle | None = None

    # uvicorn, too, takes nothing less than a `Transport` here.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Drops of a header, or of a body that nobody reads any more, do not wind the clock up again."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    @property
    def _at_work(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _watch(self) -> None:
        if self._at_work or self.transport.is_closing():
            self._stop_waiting()
        elif self._waiting is None:
            self._waiting = self.loop.call_later(HEADERS_WITHIN, self._end)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _end(self) -> None:
        """Half a header is told why; who said nothing, or has had the answer, is left without a word."""
        self._waiting = None
        if self._at_work or self.transport.is_closing():
            return
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            reason = b'{"error": "the headers did not arrive within %d s"}' % HEADERS_WITHIN
            self.transport.write(_TOO_LATE % (len(reason), reason))
            self.transport.close()
        else:
            self.transport.abort()


class Seldom(logging.Filter):
    """Lets one record of each overload through now and then, without its traceback."""

    def __init__(self, every: float = SAY_AGAIN) -> None:
        super().__init__()
        self._every = every
        self._silent_until: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = next((one for one in OVERLOADS if str(record.msg).startswith(one)), None)
        if kind is None:
            return True
        now = time.monotonic()
        if now < self._silent_until.get(kind, now):
            return False
        self._silent_until[kind] = now + self._every
        record.exc_info = None
        return True


def log_overload_seldom() -> None:
    """Called once by a process that serves: a flood of connections must not become a flood of lines."""
    seldom = Seldom()
    for name in ("asyncio", "uvicorn.error"):
        logging.getLogger(name).addFilter(seldom)
