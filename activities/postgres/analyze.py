"""Renews the planner's statistics of single tables, without standing in anybody's way.

`ANALYZE` of a table that the role may not analyze, or that is locked, only warns and does nothing: so
what counts is whether the table was analyzed since the plan saw it, by the clock of the database.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.postgres.connection import Trouble, connected
from activities.postgres.reading import bound, read
from activities.postgres.statements import quote
from activities.support.heartbeats import beating
from activities.support.redaction import clean
from models.actions.change import ActionResult, Perform
from models.actions.database import AnalyzeTables, TableStatistics
from models.service.service import Service

A_TABLE = timedelta(minutes=1)
"""For one table. Its size hardly matters: a sample of it is read."""
LOCK_WITHIN = 1000
"""Milliseconds to wait for a lock, where the server cannot skip what is locked."""
SKIPS_SINCE = 120000
"""The first version that does so."""
_COUNTED_WITHIN, _LOOK_EVERY = 2.0, 0.2
"""Seconds: older versions count a moment later."""

_ANALYZED = """
SELECT greatest(last_analyze, last_autoanalyze) AS at FROM pg_stat_user_tables
WHERE schemaname = $1 AND relname = $2
"""
_VERSION = "SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby"


class AnalyzeActivities:
    """One connection a table, so that each has its own time."""

    @activity.defn
    async def analyze_tables(self, request: Perform[AnalyzeTables]) -> ActionResult:
        """Analyze the planned tables that nobody has analyzed since they were seen. Safe to ask for again.

        Raises, never to be retried: `DatabaseAway` when it cannot be reached.
        """
        action, found = request.action, []
        async with beating():
            for table in action.tables:
                found.append(await _renewed(action.service, table))
        renewed = [name for name, why in found if not why]
        left = "; ".join(f"{name}: {why}" for name, why in found if why)
        words = f"new statistics of {', '.join(renewed)}" if renewed else "no statistics were renewed"
        return ActionResult(
            done=bool(renewed), found=f"{words}; {left}" if left else words, at=datetime.now(UTC)
        )


async def _renewed(service: Service, table: TableStatistics) -> tuple[str, str]:
    """The table, and why its statistics were not renewed."""
    said: list[str] = []
    try:
        async with connected(service, beyond=A_TABLE) as there:
            connection = there.connection
            connection.add_log_listener(lambda _, message: said.append(str(message)))
            (server,) = await read(connection, _VERSION)
            if server["standby"]:
                return table.full, "this is a standby: analyze its primary"
            if await _is_new(connection, table):
                return table.full, ""
            async with connection.transaction():
                await bound(connection, statement=round(A_TABLE.total_seconds() * 1000), lock=LOCK_WITHIN)
                skip = "(SKIP_LOCKED) " if server["version"] >= SKIPS_SINCE else ""
                await connection.execute(f"ANALYZE {skip}{quote(table.table_schema)}.{quote(table.name)}")
            return table.full, "" if await _shows(connection, table) else _why(said)
    except Trouble as trouble:
        cause = trouble.__cause__
        if isinstance(cause, asyncpg.PostgresError) and not isinstance(
            cause, asyncpg.PostgresConnectionError | asyncpg.OperatorInterventionError
        ):
            return table.full, clean(str(cause), 200)
        raise ApplicationError(str(trouble), type="DatabaseAway", non_retryable=True) from trouble


async def _shows(connection: asyncpg.Connection, table: TableStatistics) -> bool:
    for _ in range(round(_COUNTED_WITHIN / _LOOK_EVERY)):
        if await _is_new(connection, table):
            return True
        await asyncio.sleep(_LOOK_EVERY)
    return False


async def _is_new(connection: asyncpg.Connection, table: TableStatistics) -> bool:
    """Whether it was analyzed since the plan saw it. One that is gone was not."""
    rows: list[Any] = await read(connection, _ANALYZED, table.table_schema, table.name)
    at = rows[0]["at"] if rows else None
    return at is not None and (table.analyzed_at is None or at > table.analyzed_at)


def _why(said: list[str]) -> str:
    """The server's own words: it skips what is locked, and what the role may not analyze."""
    words = clean(" ".join(said), 200)
    if "permission denied" in words or "can analyze" in words:
        return f"{words}; GRANT MAINTAIN on it (PostgreSQL 17), or connect as its owner"
    return words or "it was not analyzed, and nobody said why"
