"""What makes a PostgreSQL slow: statements of the application, and what they lack.

Only the service's own database, and of its statements those of the application's role. Each query is
bounded by the server itself, and changes nothing. Needs `pg_monitor`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
from temporalio import activity

from activities.postgres.connection import Trouble, connected
from activities.postgres.reading import read
from activities.postgres.sampling import MOST, Rows, Sampled, sample, shapes
from activities.postgres.slowness_seen import (
    LookAtSlowness,
    MissingIndex,
    SlownessSeen,
    SlowStatement,
    TableScan,
)
from activities.postgres.statements import Table, is_maintenance, missing_index, tables_in, without_values
from activities.support.redaction import clean
from models.actions.database import TableStatistics
from models.evidence.evidence import Finding
from models.service.service import Database

WHOLE = 0.5
"""The share of its rows that must be read for a table to count as read whole."""
STALE = 0.2
"""The share of its rows that changed since it was analyzed; autovacuum analyzes at a tenth."""
LEAST_ROWS = 1000
"""Of a smaller table any plan is good."""
_A_ROW = 64
"""Bytes, of a table whose size is not known."""

_SERVER = "SELECT pg_is_in_recovery() AS standby, pg_has_role('pg_read_all_stats', 'USAGE') AS may_see"


class SlownessActivities:
    """One connection for the seconds of one look."""

    @activity.defn
    async def look_at_slowness(self, request: LookAtSlowness) -> SlownessSeen:
        """What is slow in the database of the service, and why. `unknown` when it cannot be asked: a
        database that is lost is found by others. Never raises for its trouble."""
        now, database = datetime.now(UTC), request.service.database
        if database is None:
            return SlownessSeen(
                reason=f"no database is configured for {request.service.name}", observed_at=now
            )
        try:
            async with connected(request.service, beyond=2 * request.sample_for) as there:
                (server,) = await read(there.connection, _SERVER)
                if not server["may_see"]:
                    reason = f"the role at {there.where} sees only its own sessions: GRANT pg_monitor to it"
                    return SlownessSeen(reason=reason, observed_at=now)
                sampled = await sample(there.connection, database.role, request)
                used = await shapes(there.connection, sampled)
        except Trouble as trouble:
            return SlownessSeen(reason=f"it could not be sampled: {trouble.seen.reason}", observed_at=now)
        seen = _seen(sampled, used, database, request.slower_than)
        return seen.model_copy(update={"observed_at": now, "standby": server["standby"]})


def _seen(
    sampled: Sampled, used: Mapping[int, Table], database: Database, slower_than: timedelta
) -> SlownessSeen:
    statements = _statements(sampled, used, slower_than)
    texts = [text for text, _ in statements]
    slow = tuple(one for _, one in statements)[:MOST]
    scans = _scans(sampled, database.large_table)
    named = {name for one in slow for name in one.tables}
    large = {one.table for one in scans} | {
        used[one].full
        for one, row in sampled.after.items()
        if one in used and _rows(row) >= database.large_table
    }
    missing = {
        create: MissingIndex(create=create, table=table.full, because=without_values(text))
        for text in texts
        for table in tables_in(text, used.values())
        if table.full in large and (create := missing_index(text, table))
    }
    stale = [one for one in _stale(sampled.after) if one.full in named]
    fits = tuple(one for one in stale if one.size <= database.analyze_up_to)
    seen = SlownessSeen(
        statements=slow,
        scans=scans,
        missing=tuple(missing.values())[:MOST],
        stale=fits[:MOST],
        too_large=tuple(one.full for one in stale if one not in fits)[:MOST],
        analyzing=_analyzing(sampled.active, sampled.after),
        jobs=_jobs(sampled.active),
    )
    return seen.model_copy(update={"finding": Finding.BAD if slow else Finding.OK, "reason": _words(seen)})


def _statements(
    sampled: Sampled, used: Mapping[int, Table], slower_than: timedelta
) -> list[tuple[str, SlowStatement]]:
    """Each slow statement, with its own text."""
    runs: dict[str, list[asyncpg.Record]] = {}
    for row in sampled.active:
        if _is_slow(row, slower_than):
            runs.setdefault(without_values(row["query"]), []).append(row)
    found = []
    for text, rows in runs.items():
        longest = max(rows, key=lambda row: row["lasts"])
        statement = SlowStatement(
            text=text,
            application=clean(longest["application"] or "", 120),
            user=clean(longest["user"] or "", 120),
            sessions=len({row["pid"] for row in rows}),
            executions=len({(row["pid"], row["query_start"]) for row in rows}),
            longest=longest["lasts"],
            waits_for=tuple(sorted({pid for row in rows for pid in row["waits_for"]})),
            tables=tuple(one.full for one in tables_in(longest["query"], used.values())),
        )
        found.append((longest["query"], statement))
    for text, mean in sampled.means.items():
        if not is_maintenance(text):
            tables = tuple(one.full for one in tables_in(text, used.values()))
            found.append((text, SlowStatement(text=without_values(text), mean=mean, tables=tables)))
    return sorted(found, key=lambda one: -(one[1].mean or one[1].longest.total_seconds()))


def _is_slow(row: asyncpg.Record, slower_than: timedelta) -> bool:
    """What sleeps, waits for its turn by an advisory lock, or for its reader, is slow on purpose."""
    on_purpose = row["waits_on"] in ("PgSleep", "advisory") or row["waits"] == "Client"
    ours = row["backend_type"] == "client backend" and row["query"] and not is_maintenance(row["query"])
    return bool(ours and row["lasts"] and row["lasts"] > slower_than and not on_purpose)


def _scans(sampled: Sampled, large: int) -> tuple[TableScan, ...]:
    found = []
    for one, now in sampled.after.items():
        then = sampled.before.get(one)
        scans = now["scans"] - then["scans"] if then else 0
        read_now = now["rows_read"] - then["rows_read"] if then else 0
        if scans > 0 and _rows(now) >= large and read_now >= WHOLE * _rows(now):
            table = f"{now['schema']}.{now['name']}"
            found.append(TableScan(table=table, rows=_rows(now), scans=scans, rows_read=read_now))
    return tuple(sorted(found, key=lambda one: -one.rows_read))[:MOST]


def _rows(row: asyncpg.Record) -> int:
    """As counted or as last analyzed; where neither was, by the size of its file."""
    known = max(row["live"] or 0, row["planned"] or 0)
    return max(known, row["size"] // _A_ROW) if row["planned"] <= 0 else known


def _stale(tables: Rows) -> list[TableStatistics]:
    """Never analyzed, or much has changed since. A partitioned table, which autovacuum leaves out, has the
    rows of its parts. Counters that were reset by a crash count no changes, and so are no sign."""
    found = []
    for one, row in tables.items():
        parts = [part for part in tables.values() if part["part_of"] == one] if row["partitioned"] else [row]
        rows, changed = sum(map(_rows, parts)), sum(part["changed"] or 0 for part in parts)
        never = row["analyzed_at"] is None and row["planned"] <= 0
        much = changed > STALE * rows and not row["partitioned"]
        if rows >= LEAST_ROWS and (never or much):
            found.append(
                TableStatistics(
                    table_schema=row["schema"],
                    name=row["name"],
                    rows=rows,
                    size=max(sum(part["size"] for part in parts), rows * _A_ROW),
                    changed=changed,
                    analyzed_at=row["analyzed_at"],
                    age=row["age"],
                )
            )
    return sorted(found, key=lambda one: -one.rows)


def _analyzing(active: Sequence[asyncpg.Record], tables: Rows) -> tuple[str, ...]:
    texts = {row["query"] or "" for row in active if is_maintenance(row["query"] or "")}
    names = (Table(row["schema"], row["name"]) for row in tables.values())
    words = {word.strip('",;()') for text in texts for word in text.split()}
    return tuple(one.full for one in names if one.full in words or one.name in words)[:MOST]


def _jobs(active: Sequence[asyncpg.Record]) -> tuple[str, ...]:
    texts = (row["query"] or "" for row in active if is_maintenance(row["query"] or ""))
    return tuple(dict.fromkeys(without_values(text)[:120] for text in texts))[:MOST]


def _words(seen: SlownessSeen) -> str:
    words = [f"{len(seen.statements)} slow statements: {'; '.join(one.says for one in seen.statements[:3])}"]
    if not seen.statements:
        words = ["no statement is slow"]
    words += [f"{one.table} ({one.rows} rows) was read whole {one.scans} times" for one in seen.scans[:3]]
    words += [one.says for one in seen.stale[:3]]
    words += [f"missing: {one.create}" for one in seen.missing[:3]]
    words += [f"runs: {one}" for one in seen.jobs[:2]]
    return "; ".join(words)
