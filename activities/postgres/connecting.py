"""The one way to a PostgreSQL server: connecting, each statement, what it sends and closing are bounded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import cast

import asyncpg

from activities.support.postgres_bounds import IN_ALL_AT_MOST, BoundedLoop, Bounds, SentTooMuch

CLOSES_WITHIN = 2.0
"""Seconds: a server that hangs is not waited for, and the connection is cut."""

_NO_POSTGRESQL = (ArithmeticError, AttributeError, BufferError, LookupError, TypeError)
"""What the library raises for a greeting that no PostgreSQL sends."""


@contextlib.asynccontextmanager
async def connecting(
    url: str,
    *,
    within: float,
    each: float,
    password: str | None = None,
    in_all: int | None = IN_ALL_AT_MOST,
) -> AsyncIterator[asyncpg.Connection]:
    """A connection for the block, made `within` seconds, whose statements take `each` at most.

    The server may send `in_all` bytes. None is for a server of our own: single messages alone are bounded.

    Statements are not prepared, so that a pooler between is no trouble. Raises `SentTooMuch`, what asyncpg
    raises, and `TimeoutError`.
    """
    bounds = Bounds(in_all)
    with _told(bounds):
        try:
            connection = await asyncpg.connect(
                url,
                password=password,
                statement_cache_size=0,
                timeout=within,
                command_timeout=each,
                loop=cast(asyncio.AbstractEventLoop, BoundedLoop(bounds)),
            )
        except _NO_POSTGRESQL as error:
            raise asyncpg.InternalClientError("what answers is no PostgreSQL") from error
    try:
        with _told(bounds):
            yield connection
    finally:
        with contextlib.suppress(TimeoutError):
            await connection.close(timeout=CLOSES_WITHIN)


@contextlib.contextmanager
def _told(bounds: Bounds) -> Iterator[None]:
    """Say why a connection was cut that sent too much, in place of what the library makes of it."""
    try:
        yield
    except Exception as error:
        if bounds.passed:
            raise SentTooMuch(bounds.passed) from error
        raise
