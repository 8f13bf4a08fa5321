"""What a PostgreSQL server may send: messages up to a length, and so much on one connection in all.

The library keeps whatever comes until a message is complete, takes messages of 2 GiB, and joins the pieces
of one text by copying what it has with each: a server that sends without end would fill the memory, and
hold up everything else that the worker does. So it gets whole messages alone, and a bounded number of bytes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import asyncpg
from asyncpg.protocol import Protocol

from models.base import in_bytes

MESSAGE_AT_MOST = 4 * 2**20
"""Bytes of one message, such as a row or an error."""
IN_ALL_AT_MOST = 16 * 2**20
"""Bytes on one connection, as of the answers of other systems."""

ROUNDS_AT_MOST = 100_000
"""Of hashing a password (SCRAM), which the server names and which nothing interrupts; 4,096 is usual."""

_HEAD = 5
"""Bytes before a message's content: its type, and its length without the type."""

_SCRAM = re.compile(rb"R....\0\0\0\x0b", re.DOTALL)
"""How a message begins that goes on with SCRAM."""
_ROUNDS = re.compile(rb",i=([0-9]+)")


_SAID = b"EN"
"""The types of the messages that hold words of the server: an error, a notice."""
_NOT_ASCII = bytes.maketrans(bytes(range(128, 256)), b"?" * 128)


class SentTooMuch(asyncpg.InternalClientError):
    """What a server sends is past its bounds; the connection is cut."""


class Bounds:
    """What may come on the connections of one attempt, and whether more came."""

    def __init__(self, in_all: int | None) -> None:
        self._in_all = in_all
        self._received = 0
        self.passed = ""
        """What was too much, in words; empty while nothing was."""

    def received(self, size: int) -> bool:
        """Whether so many bytes more are within the bounds."""
        self._received += size
        if self._in_all is not None and self._received > self._in_all:
            self.passed = f"more than {in_bytes(self._in_all)}"
        return not self.passed

    def message(self, length: int) -> bool:
        """Whether a message of so many bytes is within the bounds."""
        if not _HEAD - 1 <= length <= MESSAGE_AT_MOST:
            self.passed = f"a message that is longer than {in_bytes(MESSAGE_AT_MOST)}, or has no length"
        return not self.passed

    def content(self, message: bytes) -> bool:
        """Whether a whole message asks for no more work than it may."""
        asked = _ROUNDS.findall(message) if _SCRAM.match(message) else ()
        if any(int(rounds[:10]) > ROUNDS_AT_MOST for rounds in asked):
            self.passed = f"a password's hash of more than {ROUNDS_AT_MOST:,} rounds"
        return not self.passed


class BoundedLoop:
    """The running loop, whose connections bring what is within the bounds and are cut by anything more."""

    def __init__(self, bounds: Bounds) -> None:
        self._loop = asyncio.get_running_loop()
        self._bounds = bounds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(self, factory: Callable[[], Any], *args: Any, **options: Any) -> Any:
        """As that of the loop."""
        return self._made(await self._loop.create_connection(self._bounded(factory), *args, **options))

    async def create_unix_connection(self, factory: Callable[[], Any], *args: Any, **options: Any) -> Any:
        """As that of the loop."""
        return self._made(await self._loop.create_unix_connection(self._bounded(factory), *args, **options))

    async def start_tls(self, transport: _Transport, *args: Any, **options: Any) -> Any:
        """As that of the loop."""
        secured = await self._loop.start_tls(transport.real, *args, **options)
        return None if secured is None else _Transport(secured, self._bounds)

    def _bounded(self, factory: Callable[[], Any]) -> Callable[[], _Receiver]:
        return lambda: _Receiver(factory(), self._bounds)

    def _made(self, made: tuple[Any, _Receiver]) -> tuple[_Transport, Any]:
        transport, receiver = made
        return _Transport(transport, self._bounds), receiver.reader


class _Transport:
    """A transport whose next protocol is bounded as well: the library sets one after asking for TLS."""

    def __init__(self, real: Any, bounds: Bounds) -> None:
        self.real = real
        self._bounds = bounds

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def set_protocol(self, reader: Any) -> None:
        self.real.set_protocol(_Receiver(reader, self._bounds, self.real))


class _Receiver(asyncio.Protocol):
    """Passes whole messages on to `reader`; before the protocol begins, the bytes as they come."""

    def __init__(self, reader: Any, bounds: Bounds, transport: Any = None) -> None:
        self.reader = reader
        self._bounds = bounds
        self._transport = transport
        self._rest = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.reader.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._bounds.passed:
            return
        if self._bounds.received(len(data)):
            whole = self._whole(data) if isinstance(self.reader, Protocol) else data
            if whole and not self._bounds.passed:
                self.reader.data_received(whole)
        if self._bounds.passed:
            self._rest.clear()
            self._transport.abort()

    def _whole(self, data: bytes) -> bytes:
        """The messages that are complete now; the rest waits."""
        self._rest += data
        end = 0
        while len(self._rest) - end >= _HEAD:
            length = int.from_bytes(self._rest[end + 1 : end + _HEAD])
            if not self._bounds.message(length) or end + 1 + length > len(self._rest):
                break
            message = bytes(self._rest[end : end + 1 + length])
            if not self._bounds.content(message):
                break
            self._rest[end : end + 1 + length] = _readable(message)
            end += 1 + length
        whole = bytes(self._rest[:end])
        del self._rest[:end]
        return whole

    def eof_received(self) -> bool | None:
        received: bool | None = self.reader.eof_received()
        return received

    def connection_lost(self, error: Exception | None) -> None:
        self.reader.connection_lost(error)

    def pause_writing(self) -> None:
        self.reader.pause_writing()

    def resume_writing(self) -> None:
        self.reader.resume_writing()


def _readable(message: bytes) -> bytes:
    """A server refuses in its own language before both agree on an encoding: what is not UTF-8 becomes a
    question mark, and the code of the error, which decides, is read."""
    if message[:1] not in _SAID:
        return message
    try:
        message[_HEAD:].decode()
    except UnicodeDecodeError:
        return message[:_HEAD] + message[_HEAD:].translate(_NOT_ASCII)
    return message
