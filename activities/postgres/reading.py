"""Statements that only look at a PostgreSQL: read-only, and each bounded by the server itself.

The bounds are set within a transaction, so that they end with it, through a pooler too.
"""

from __future__ import annotations

from typing import Any

import asyncpg

STATEMENT_WITHIN = 2000
"""Milliseconds for one statement."""
LOCK_WITHIN = 200
"""Milliseconds to wait for a lock: a look must not block other sessions."""


async def read(connection: asyncpg.Connection, query: str, *values: Any) -> list[asyncpg.Record]:
    """The rows of one query. Raises what asyncpg raises, also when the server cancels it."""
    async with connection.transaction(readonly=True):
        await bound(connection, statement=STATEMENT_WITHIN, lock=LOCK_WITHIN)
        rows: list[asyncpg.Record] = await connection.fetch(query, *values)
        return rows


async def bound(connection: asyncpg.Connection, *, statement: int, lock: int) -> None:
    """Bound what follows in this transaction; both in milliseconds."""
    await connection.execute(f"SET LOCAL statement_timeout = {statement:d}")
    await connection.execute(f"SET LOCAL lock_timeout = {lock:d}")
