"""The backend's database: a small pool, its tables, and a health check with a bound."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import asyncpg

from demo.backend.pool import PoolSettings, exhausted, run_job

log = logging.getLogger("backend")

ANSWER_WITHIN = 1.0
"""Seconds that the database has for a health check."""

_TABLES = """
SELECT pg_advisory_xact_lock(4711);
CREATE TABLE IF NOT EXISTS products (
    id serial PRIMARY KEY, name text NOT NULL, roi real NOT NULL, synced_at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS videos (
    id serial PRIMARY KEY, product integer, state text NOT NULL, generated_at timestamptz);
CREATE TABLE IF NOT EXISTS costs (
    id serial PRIMARY KEY, provider text NOT NULL, dollars numeric NOT NULL, at timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS revenue (
    day date NOT NULL, platform text NOT NULL, dollars numeric NOT NULL, PRIMARY KEY (day, platform));
ALTER TABLE videos ADD COLUMN IF NOT EXISTS published_at timestamptz DEFAULT now();
INSERT INTO products (name, roi, synced_at)
    SELECT 'product ' || n, 0.5 + n * 0.15, now() FROM generate_series(1, 12) n
    WHERE NOT EXISTS (SELECT FROM products);
INSERT INTO videos (product, state, generated_at)
    SELECT n, 'generated', now() FROM generate_series(1, 6) n WHERE NOT EXISTS (SELECT FROM videos);
INSERT INTO costs (provider, dollars, at)
    SELECT p.provider, p.dollars, now() FROM
        (VALUES ('openai', 21.5), ('anthropic', 12.25), ('pika', 8), ('elevenlabs', 3.75))
        AS p (provider, dollars) WHERE NOT EXISTS (SELECT FROM costs);
INSERT INTO revenue (day, platform, dollars)
    SELECT current_date - n, p.platform, 200 - n * p.step FROM generate_series(0, 14) n,
        (VALUES ('youtube', 3), ('tiktok', 2), ('instagram', 1)) AS p (platform, step)
    ON CONFLICT DO NOTHING;
"""


class DatabaseLostError(Exception):
    """The database cannot be reached, or does not answer in time."""


class Database:
    """Connections are made when they are needed, so that the backend starts without its database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ready = False
        self._lost = ""

    async def __aenter__(self) -> Self:
        settings = PoolSettings.from_environment()
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=settings.size,
            timeout=ANSWER_WITHIN,
            server_settings={"application_name": "backend", "client_connection_check_interval": "500"},
        )
        self._jobs = [asyncio.create_task(run_job(self._pool)) for _ in range(settings.jobs)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for job in self._jobs:
            job.cancel()
        self._pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.pool.PoolConnectionProxy[asyncpg.Record]]:
        """A connection whose work is done within `ANSWER_WITHIN`; else `DatabaseLostError`."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                connection = await self._pool.acquire()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise self._is_lost(error) from error
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                if not self._ready:
                    await connection.execute(_TABLES)
                    self._ready = True
                yield connection
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            connection.terminate()
            raise self._is_lost(error) from error
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # ended meanwhile
                await self._pool.release(connection)
        if self._lost:
            log.info("database connection is back")
            self._lost = ""

    async def check(self) -> None:
        """`SELECT 1`, or `DatabaseLostError` with the reason."""
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1")

    def _is_lost(self, error: Exception) -> DatabaseLostError:
        reason = self._reason(error)
        if reason != self._lost:
            log.error(reason)
            if isinstance(error, asyncpg.InvalidPasswordError):
                log.error("the connection string was %s", self._url)  # as careless programs do
        self._lost = reason
        return DatabaseLostError(reason)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError) and exhausted(self._pool):
            limit = self._pool.get_max_size()
            return f"Timed out fetching a new connection from the connection pool (connection limit: {limit})"
        kind = "refused" if isinstance(error, ConnectionRefusedError) else "failed"
        if isinstance(error, TimeoutError):
            kind = "lost"
        return f"database connection {kind}: {str(error) or 'no answer in time'}"
