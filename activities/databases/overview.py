"""A PostgreSQL by hand: does it answer, what waits in it, and how large it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg
from temporalio import activity

from activities.postgres.connection import Connected, Trouble, connected
from activities.postgres.reading import read
from activities.postgres.statements import without_values
from activities.support.redaction import clean
from models.base import in_bytes, in_words
from models.checks.item import Figure, ItemResult, ItemState, Table, from_evidence
from models.service.service import Service

MOST = 20

_NOW = """
SELECT now() AS at, current_setting('server_version') AS version, now() - pg_postmaster_start_time() AS age,
       pg_is_in_recovery() AS standby
"""

_WAITING = """
SELECT pid, wait_event_type || ': ' || wait_event AS waits_for, state,
       now() - coalesce(query_start, state_change) AS lasts, left(query, 2000) AS query,
       array_to_string(pg_blocking_pids(pid), ', ') AS blocked_by
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND wait_event IS NOT NULL
      AND wait_event_type NOT IN ('Activity', 'Client', 'Timeout', 'Extension')
ORDER BY query_start NULLS LAST LIMIT 20
"""
"""A session that waits for its client to speak, or for its next turn, is not counted as waiting."""

_MAY_SEE = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS yes"

_SIZES = """
SELECT datname::text AS name,
       CASE WHEN has_database_privilege(datname, 'CONNECT')
                 OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
            THEN pg_database_size(oid) END AS size
FROM pg_database WHERE NOT datistemplate ORDER BY size DESC NULLS LAST, name LIMIT 20
"""


class DatabaseOverviewActivities:
    """Each look has a connection of its own, closed at once, and statements that the server bounds."""

    @activity.defn
    async def look_at_clock(self, service: Service) -> ItemResult:
        """`SELECT now()`: connects as an application does."""
        return await _asked(service, _clock)

    @activity.defn
    async def look_at_waiting(self, service: Service) -> ItemResult:
        """Queries that wait for a lock, the disk or another session; `attention` when one is blocked."""
        return await _asked(service, _waiting)

    @activity.defn
    async def look_at_sizes(self, service: Service) -> ItemResult:
        """The size of every database of the server, the largest first."""
        return await _asked(service, _sizes)


async def _asked(service: Service, look: Callable[[Connected], Awaitable[ItemResult]]) -> ItemResult:
    now = datetime.now(UTC)
    try:
        async with connected(service) as database:
            found = await look(database)
    except Trouble as trouble:
        seen = trouble.seen.model_copy(update={"observed_at": now})
        return from_evidence(seen, service.name)
    return found.model_copy(update={"observed_at": now})


async def _clock(database: Connected) -> ItemResult:
    (row,) = await read(database.connection, _NOW)
    away = abs((row["at"] - datetime.now(UTC)).total_seconds())
    role = ", a read-only standby" if row["standby"] else ""
    says = f"{database.where} says {row['at']:%Y-%m-%d %H:%M:%S %Z}"
    what = f"PostgreSQL {clean(row['version'], 60)}{role}, up for {in_words(row['age'])}"
    if away > 5:  # a slow answer, or another clock, would mislead the reader
        reason = f"{says}, {away:.0f} s from the clock of the worker; {what}"
        return ItemResult(state=ItemState.ATTENTION, reason=reason)
    return ItemResult(state=ItemState.OK, reason=f"{says}; {what}")


async def _waiting(database: Connected) -> ItemResult:
    (allowed,) = await read(database.connection, _MAY_SEE)
    if not allowed["yes"]:
        cure = "GRANT pg_monitor to it"
        return ItemResult(reason=f"the role at {database.where} sees only its own sessions: {cure}")
    rows = await read(database.connection, _WAITING)
    blocked = [row for row in rows if row["blocked_by"]]
    reason = f"{len(rows)} queries wait, {len(blocked)} of them for another session"
    return ItemResult(
        state=ItemState.ATTENTION if blocked else ItemState.OK,
        reason=reason if rows else "no query waits",
        tables=(_table_of(rows),) if rows else (),
    )


def _table_of(rows: list[asyncpg.Record]) -> Table:
    return Table(
        title="waiting queries",
        columns=("pid", "waits for", "for", "blocked by", "query"),
        rows=tuple(
            (
                str(row["pid"]),
                clean(row["waits_for"], 80),
                in_words(row["lasts"]) if row["lasts"] else "",
                row["blocked_by"] or "",
                without_values(row["query"] or ""),
            )
            for row in rows
        ),
    )


async def _sizes(database: Connected) -> ItemResult:
    rows = await read(database.connection, _SIZES)
    known = [(clean(row["name"], 80), row["size"]) for row in rows if row["size"] is not None]
    hidden = len(rows) - len(known)
    total = sum(size for _, size in known)
    reason = f"{len(known)} databases, {in_bytes(total)} in all"
    return ItemResult(
        state=ItemState.OK if known else ItemState.UNKNOWN,
        reason=f"{reason}; {hidden} may not be measured by this role" if hidden else reason,
        figures=tuple(
            Figure(name=f"size of {name}", value=float(size), unit="bytes") for name, size in known
        ),
        tables=(
            Table(
                title="databases",
                columns=("database", "size"),
                rows=tuple((name, in_bytes(size)) for name, size in known[:MOST]),
            ),
        ),
    )
