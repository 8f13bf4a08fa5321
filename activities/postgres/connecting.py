"""The one way to a PostgreSQL server: connecting, each statement and closing are bounded."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg

CLOSES_WITHIN = 2.0
"""Seconds: a server that hangs is not waited for, and the connection is cut."""

_NO_POSTGRESQL = (ArithmeticError, AttributeError, BufferError, LookupError, TypeError)
"""What the library raises for a greeting that no PostgreSQL sends."""


@contextlib.asynccontextmanager
async def connecting(
    url: str, *, within: float, each: float, password: str | None = None
) -> AsyncIterator[asyncpg.Connection]:
    """A connection for the block, made `within` seconds, whose statements take `each` at most.

    Statements are not prepared, so that a pooler between is no trouble. Raises what asyncpg raises, and
    `TimeoutError`.
    """
    try:
        connection = await asyncpg.connect(
            url, password=password, statement_cache_size=0, timeout=within, command_timeout=each
        )
    except _NO_POSTGRESQL as error:
        raise asyncpg.InternalClientError("what answers is no PostgreSQL") from error
    try:
        yield connection
    finally:
        with contextlib.suppress(TimeoutError):
            await connection.close(timeout=CLOSES_WITHIN)
