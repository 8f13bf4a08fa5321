"""What a restored database must have: tables, rows, and data that are new enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import asyncpg

from activities.postgres.connecting import connecting
from models.configuration.drill import DrillSettings, NewestRow

_TABLES = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


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
        rows = await connection.fetchval(f"SELECT count(*) FROM {_quoted(table)}")  # noqa: S608 - quoted
    except asyncpg.UndefinedTableError:
        proof.wrong.append(f"the table {table} is missing")
        return
    proof.rows[table] = rows
    if rows < least:
        proof.wrong.append(f"{table} has {rows:,} rows, fewer than {least:,}")


async def _look_for_newest(connection: asyncpg.Connection, newest: NewestRow, proof: Proof) -> None:
    query = f'SELECT max("{newest.column}")::timestamptz FROM {_quoted(newest.table)}'  # noqa: S608 - quoted
    try:
        await connection.execute("SET TIME ZONE 'UTC'")
        found = await connection.fetchval(query)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.CannotCoerceError):
        proof.wrong.append(f"{newest.table}.{newest.column} is no time that can be read")
        return
    if found is None:
        proof.wrong.append(f"{newest.table} has no row with a {newest.column}")
        return
    proof.newest = found if isinstance(found, datetime) else datetime.now(UTC)
