"""Limits on connections: a request must arrive in time, and an overload does not flood the log."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, cast

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from intake.http.gate import TARGET
from intake.http.peers import Crowd

HEADERS_WITHIN = 10.0
"""Seconds for all headers of a request: uvicorn itself would wait for ever."""
SAY_AGAIN = 5.0
"""Seconds between two log records of one kind of overload."""
LARGEST_HEAD = 64 * 2**10
"""Bytes of the request line and all headers; also of the headers behind a body that comes in chunks."""
MOST_HEADERS = 100
"""Headers of a request: each is an object, and takes far more room than its bytes."""
OVERLOADS = (
    *("Exceeded concurrency limit.", "Invalid HTTP request received."),
    *("Unsupported upgrade request.", "No supported WebSocket library detected."),
)
"""What uvicorn logs for each 503, and for each request that a stranger makes up. Where no file is left for
one more connection, the event loop closes it."""


def _last_words(status: bytes, reason: bytes) -> bytes:
    body = b'{"error": "%s"}' % reason
    head = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    return head % (status, len(body)) + body


_TOO_LATE = _last_words(b"408 Request Timeout", b"the headers did not arrive within %d s" % HEADERS_WITHIN)
_TOO_LARGE = _last_words(
    b"431 Request Header Fields Too Large", b"the headers are larger than %d KiB" % (LARGEST_HEAD // 2**10)
)
_TOO_MANY = _last_words(
    b"431 Request Header Fields Too Large", b"there are more than %d headers" % MOST_HEADERS
)


class PromptApp:
    """The application; tells a connection that a request of it is being handled."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.connections: dict[object, PromptRequests] = {}
        """By the address of the peer, as in the scope of a request."""
        self.waiting: Crowd[PromptRequests] = Crowd(PromptRequests.leave)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = self.connections.get(scope["client"])
        if connection is None:  # closed before its request was handled
            await self._app(scope, receive, send)
            return
        connection.begin()
        try:
            await self._app(scope, receive, send)
        finally:
            connection.end()


class _TooEarly(Exception):
    """A request came before the answer to the one before."""


class _TooMany(Exception):
    """A request has too many headers."""


class _OneByOne(HttpToolsProtocol):
    """uvicorn's own, for senders that wait for each answer: it would queue all that one connection sends.

    Who sends the next request too early gets the answer that is due, and the connection ends with it.
    It keeps the target of a request as it was sent; uvicorn drops the host of one that has a host.
    """

    in_head = False
    """Whether a request has begun whose headers are not complete."""
    in_body = False
    """Whether the body of the last request is not complete. Who is refused before that sends the rest, and
    reads the answer then."""
    ends = False
    """Whether nothing that arrives is read any more."""
    took_body = False
    """Whether what arrived last had a part of a body."""
    incomplete = 0
    """Bytes of what is kept until it is complete: a head, or what follows a chunk of a body."""

    @property
    def answering(self) -> bool:
        """Whether the last request whose headers are complete is not answered yet."""
        return self.cycle is not None and not self.cycle.response_complete

    def on_message_begin(self) -> None:
        self.in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= MOST_HEADERS:
            self.refuse(_TOO_MANY)
            raise _TooMany
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.answering:
            raise _TooEarly
        self.in_head, self.in_body = False, True
        self.scope["state"][TARGET] = self.url
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self.took_body = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.in_body = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        if self.ends:
            return
        self.took_body = False
        super().data_received(data)
        grows = self.in_head or (self.in_body and not self.took_body)
        self.incomplete = self.incomplete + len(data) if grows else 0
        if self.incomplete > LARGEST_HEAD:
            self.refuse(_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        if not self.ends:
            self.refuse(_last_words(b"400 Bad Request", msg.encode()))

    def refuse(self, words: bytes) -> None:
        """End the connection with these words, or with the answer that is due: they would be read as that."""
        self.ends = True
        if self.answering and not self.cycle.more_body:
            self.cycle.keep_alive = False
        elif not self.transport.is_closing():
            self.transport.write(words)
            self.transport.close()


class PromptRequests(asyncio.Protocol):
    """A connection to a `PromptApp`: uvicorn's own, closed when no request arrives in time.

    Parts of a header, or of a body that is not read any more, do not extend the deadline.
    """

    def __init__(self, config: Config, **others: Any) -> None:
        if not isinstance(config.app, PromptApp):
            raise TypeError("the application of these connections must be a PromptApp")
        self._connections = config.app.connections
        self._waiting = config.app.waiting
        self._http = _OneByOne(config=config, **others)
        self._deadline: asyncio.TimerHandle | None = None
        self._heard = self.begun = False
        self.peer = ""
        self._in_hand = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._http.connection_made(self._transport)
        self._connections[self._http.client] = self
        self.peer = self._http.client[0] if self._http.client else ""
        self._wait()

    def data_received(self, data: bytes) -> None:
        self._heard = True
        self._http.data_received(data)

    def eof_received(self) -> None:
        self._http.eof_received()

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear()
        self._connections.pop(self._http.client, None)
        self._http.connection_lost(exc)

    @property
    def answering(self) -> bool:
        """Whether the last request whose headers are complete is not answered yet."""
        return self._http.answering

    def begin(self) -> None:
        """A request has arrived."""
        self.begun = True
        self._in_hand += 1
        self._clear()

    def end(self) -> None:
        """A request has been handled. The next may be here before whatever follows the answer is done."""
        self._in_hand -= 1
        if not self._in_hand:
            self._wait()

    def _wait(self) -> None:
        """Start the deadline of the next request."""
        if not self._transport.is_closing():
            self._deadline = asyncio.get_running_loop().call_later(HEADERS_WITHIN, self.leave)
            self._waiting.add(self)

    def _clear(self) -> None:
        self._waiting.remove(self)
        if self._deadline is not None:
            self._deadline.cancel()

    def leave(self) -> None:
        """Answer 408 to an incomplete header; just close an idle connection."""
        if self._heard and not self.begun:
            self._transport.write(_TOO_LATE)
            self._transport.close()
        else:
            self._transport.abort()


class OverloadLogLimit(logging.Filter):
    """Passes one log record per interval for each kind of overload, without its traceback."""

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


def limit_overload_log() -> None:
    """Keep an overload from flooding the log; call it once, in a process that serves."""
    limit = OverloadLogLimit()
    for name in ("asyncio", "uvicorn.error"):
        logging.getLogger(name).addFilter(limit)
