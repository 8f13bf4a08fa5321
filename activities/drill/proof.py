"""What a restored database must have: tables, rows, and data that are new enough.

The dump may have brought functions, aggregates and settings of its own: what is counted with, and what type
an answer has, is PostgreSQL's word. A view may still tell what it likes, as the rows of a dump may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from activities.postgres.connecting import connecting
from models.configuration.drill import DrillSettings, NewestRow

_TABLES = """
SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""

_OF_POSTGRESQL = """
SET search_path = pg_catalog, public; SET TIME ZONE 'UTC'; SET default_transaction_read_only = on
"""
CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass
class Proof:
    """What was counted, and what is wrong with it."""

    tables: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    newest: datetime | None = None
    wrong: list[str] = field(default_factory=list)


async def prove(url: str, password: str, drill: DrillSettings) -> Proof:
    """Raises what asyncpg raises."""
    each = drill.within.total_seconds()
    async with connecting(url, password=password or None, within=10, each=each) as connection:
        await connection.execute(_OF_POSTGRESQL)
        proof = Proof(tables=await connection.fetchval(_TABLES))
        if not proof.tables:
            proof.wrong.append("it has no table")
        for table, least in drill.tables.items():
            await _count(connection, table, least, proof)
        if drill.newest:
            await _look_for_newest(connection, drill.newest, proof)
        return proof


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))


async def _count(connection: asyncpg.Connection, table: str, least: int, proof: Proof) -> None:
    try:
        rows = await connection.fetchval(f"SELECT pg_catalog.count(*) FROM {_quoted(table)}")  # noqa: S608 - quoted
    except asyncpg.UndefinedTableError:
        proof.wrong.append(f"the table {table} is missing")
        return
    proof.rows[table] = rows
    if rows < least:
        proof.wrong.append(f"{table} has {rows:,} rows, fewer than {least:,}")


async def _look_for_newest(connection: asyncpg.Connection, newest: NewestRow, proof: Proof) -> None:
    column = f'"{newest.column}"'
    query = (
        f"SELECT extract(epoch FROM max({column})::pg_catalog.timestamptz)::pg_catalog.float8 "  # noqa: S608
        f"FROM {_quoted(newest.table)}"
    )
    try:
        seconds = await connection.fetchval(query)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.CannotCoerceError):
        proof.wrong.append(f"{newest.table}.{newest.column} is no time that can be read")
        return
    if seconds is None:
        proof.wrong.append(f"{newest.table} has no row with a {newest.column}")
        return
    now = datetime.now(UTC)
    if seconds > (now + CLOCKS_DIFFER).timestamp():
        proof.wrong.append(f"the newest {newest.column} of {newest.table} is in the future, and tells no age")
        return
    # A time before the calendar of Python, or before all time, is as old as anything can be told to be.
    proof.newest = datetime.fromtimestamp(max(seconds, 0), UTC)
