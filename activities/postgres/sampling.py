"""Samples of a PostgreSQL for a few seconds: its active statements, and its counters before and after.

Only the service's own database. Nothing is judged here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from activities.postgres.reading import read
from activities.postgres.slowness_seen import LookAtSlowness
from activities.postgres.statements import Table, quote, tables_in

SAMPLES = 15
MOST = 10
"""Statements, tables and indexes that are told."""

_ACTIVE = """
SELECT pid, query_start, now() - query_start AS lasts, left(query, 4000) AS query, usename::text AS user,
       application_name AS application, backend_type, wait_event_type AS waits, wait_event AS waits_on,
       CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END AS waits_for
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'
  AND (backend_type = 'autovacuum worker' OR backend_type = 'client backend' AND (
       $1::text IS NULL OR usename = $1 OR query ~* '^\\s*(vacuum|analyze|create|reindex|copy)'))
ORDER BY lasts DESC LIMIT 200
"""
_TABLES = """
SELECT s.relid::bigint AS id, s.schemaname::text AS schema, s.relname::text AS name, s.seq_scan AS scans,
       s.seq_tup_read AS rows_read, s.n_live_tup AS live, s.n_mod_since_analyze AS changed,
       greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at,
       now() - greatest(s.last_analyze, s.last_autoanalyze) AS age,
       c.reltuples::bigint AS planned, c.relkind = 'p' AS partitioned,
       CASE WHEN c.reltuples <= 0 AND c.relkind = 'r' AND NOT EXISTS (
                 SELECT FROM pg_locks WHERE relation = c.oid AND mode = 'AccessExclusiveLock' AND database =
                 (SELECT oid FROM pg_database WHERE datname = current_database()))
            THEN pg_relation_size(c.oid)
            ELSE c.relpages::bigint * current_setting('block_size')::bigint END AS size,
       (SELECT inhparent::bigint FROM pg_inherits WHERE inhrelid = s.relid LIMIT 1) AS part_of
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE c.relpersistence <> 't'
ORDER BY s.seq_tup_read + s.n_mod_since_analyze + s.n_live_tup DESC NULLS LAST LIMIT 2000
"""
_SHAPES = """
SELECT a.attrelid::bigint AS id, array_agg(a.attname::text) AS columns,
       (SELECT coalesce(json_agg((SELECT json_agg(k.attname ORDER BY n) FROM unnest(i.indkey::int[])
               WITH ORDINALITY AS of(number, n) LEFT JOIN pg_attribute k
               ON k.attrelid = i.indrelid AND k.attnum = of.number AND of.number > 0)), '[]')::text
        FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisvalid AND i.indpred IS NULL) AS indexes
FROM pg_attribute a WHERE a.attrelid = ANY($1::bigint[]::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY a.attrelid
"""
_PLACE = """
SELECT n.nspname::text AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'
"""
_COUNTED = """
SELECT queryid, sum(calls)::float8 AS calls,
       sum(coalesce(to_jsonb(s) ->> 'total_exec_time', to_jsonb(s) ->> 'total_time')::float8) AS spent
FROM {schema}.pg_stat_statements(false) s
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
  AND ($1::text IS NULL OR userid = (SELECT oid FROM pg_roles WHERE rolname = $1))
GROUP BY queryid
"""
_TEXTS = (
    "SELECT DISTINCT ON (queryid) queryid, query FROM {schema}.pg_stat_statements WHERE queryid = ANY($1)"
)
Rows = Mapping[int, asyncpg.Record]


@dataclass
class Sampled:
    """What was read, in its order."""

    before: Rows
    counted: Rows
    active: list[asyncpg.Record] = field(default_factory=list)
    after: Rows = field(default_factory=dict)
    means: dict[str, float] = field(default_factory=dict)
    """By the text of the statement, seconds."""


async def sample(connection: asyncpg.Connection, role: str | None, request: LookAtSlowness) -> Sampled:
    place = await read(connection, _PLACE)
    sampled = Sampled(await _tables(connection), await _counted(connection, place, role))
    for _ in range(SAMPLES):
        await asyncio.sleep(request.sample_for.total_seconds() / SAMPLES)
        sampled.active += await read(connection, _ACTIVE, role)
    sampled.after = await _tables(connection)
    spent = _spent(sampled.counted, await _counted(connection, place, role), request.slower_than)
    if spent:
        texts = _TEXTS.format(schema=quote(place[0]["schema"]))
        for row in await read(connection, texts, list(spent)):
            sampled.means[row["query"]] = spent[row["queryid"]]
    return sampled


async def _tables(connection: asyncpg.Connection) -> Rows:
    return {row["id"]: row for row in await read(connection, _TABLES)}


async def _counted(connection: asyncpg.Connection, place: Sequence[asyncpg.Record], role: str | None) -> Rows:
    """By `pg_stat_statements`. It may be installed and not loaded, or not for this role: then nothing."""
    if place:
        with contextlib.suppress(asyncpg.PostgresError):
            query = _COUNTED.format(schema=quote(place[0]["schema"]))
            return {row["queryid"]: row for row in await read(connection, query, role)}
    return {}


def _spent(before: Rows, after: Rows, slower_than: timedelta) -> dict[int, float]:
    """The mean time of each statement that ended meanwhile and is slow, in seconds."""
    found = {}
    for query, now in after.items():
        then = before.get(query)
        calls = now["calls"] - (then["calls"] if then else 0)
        spent = (now["spent"] - (then["spent"] if then else 0)) / 1000
        if then is not None and calls > 0 and spent / calls > slower_than.total_seconds():
            found[query] = spent / calls
    return dict(sorted(found.items(), key=lambda one: -one[1])[:MOST])


async def shapes(connection: asyncpg.Connection, sampled: Sampled) -> dict[int, Table]:
    """The tables that were read, or are named by a statement that was seen."""
    names = {one: Table(row["schema"], row["name"]) for one, row in sampled.after.items()}
    texts = {row["query"] or "" for row in sampled.active} | set(sampled.means)
    named = {table.full for text in texts for table in tables_in(text, names.values())}
    wanted = [one for one, table in names.items() if table.full in named]
    return {
        row["id"]: Table(
            names[row["id"]].schema,
            names[row["id"]].name,
            frozenset(row["columns"]),
            _indexes(row["indexes"]),
        )
        for row in await read(connection, _SHAPES, wanted)
    }


def _indexes(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(name or "" for name in one or ()) for one in json.loads(text))
