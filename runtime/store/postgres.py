"""A store in PostgreSQL. Its tables all begin with `runbooks_`, and may stand beside others."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

from activities.postgres.address import FileMissing, for_asyncpg
from activities.postgres.connecting import connecting
from activities.postgres.connection import shown
from activities.support.secrets import SecretMissing, resolve
from models.service.secret import SecretRef
from runtime.store.database import Row, StoreAway, Transaction

WITHIN = 5.0
EACH = 20.0
"""Seconds of one statement: another process may hold the lock for a while."""
LOCK = 0x72756E626F6F6B73
"""The key of the advisory lock that a writer holds."""


class _Statements:
    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def rows(self, statement: str, *values: Any) -> Sequence[Row]:
        return [dict(row) for row in await self._connection.fetch(statement, *values)]

    async def run(self, statement: str, *values: Any) -> None:
        await self._connection.execute(statement, *values)

    async def run_each(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        await self._connection.executemany(statement, values)


class PostgresDatabase:
    """Its address is read at each use, so that a changed password needs no restart."""

    kind = "postgres"

    def __init__(self, url: SecretRef) -> None:
        self.where = f"PostgreSQL at {url}"
        self._url = url

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        async with self._connected() as connection, connection.transaction():
            await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield _Statements(connection)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        async with (
            self._connected() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield _Statements(connection)

    async def is_empty(self, transaction: Transaction) -> bool:
        (row,) = await transaction.rows(
            "SELECT to_regclass('runbooks_meta') IS NULL AS empty, current_setting('server_encoding') AS set"
        )
        if row["set"] != "UTF8":
            raise StoreAway(f"{self.where}: its encoding is {row['set']}: create the database with UTF8")
        return bool(row["empty"])

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            url = for_asyncpg(resolve(self._url))
        except (SecretMissing, FileMissing) as missing:
            raise StoreAway(f"the address of the store cannot be used: {missing}") from missing
        where = shown(url, otherwise=self.where)
        try:
            async with connecting(url, within=WITHIN, each=EACH, in_all=None) as connection:
                yield connection
        except TimeoutError as error:
            raise StoreAway(f"no answer in time from {where}") from error
        except asyncpg.PostgresError as error:
            raise StoreAway(f"{where}: {error.__class__.__name__}: {error}") from error
        except OSError as error:
            raise StoreAway(f"no connection to {where}: {error.strerror or type(error).__name__}") from error
        except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:  # may quote the address
            raise StoreAway(f"{where}: the address is invalid, or no PostgreSQL answers") from error
