"""A store in one file. Its statements run in a thread, for a disk may be slow."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from activities.support.regular_files import private_directory
from runtime.store.database import Row, StoreAway, StoreEmpty, Transaction
from runtime.store.file import make_private, own_file

PATIENCE = 10.0
"""Seconds in which another process may write."""
_PARAMETER = re.compile(r"\$(\d+)")
T = TypeVar("T")


class _Statements:
    """One connection and its thread."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    async def rows(self, statement: str, *values: Any) -> Sequence[Row]:
        text = _PARAMETER.sub(r"?\1", statement)

        def ask() -> Sequence[Row]:
            cursor = self._connection.execute(text, values)
            names = [one[0] for one in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        return await _in(self._thread, ask)

    async def run(self, statement: str, *values: Any) -> None:
        await self.rows(statement, *values)

    async def run_each(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        text = _PARAMETER.sub(r"?\1", statement)
        await _in(self._thread, lambda: self._connection.executemany(text, values))


class SqliteDatabase:
    """A file that a reader needs no right to write, nor to its directory: so without a write-ahead log, which
    every reader would have to keep up."""

    kind = "sqlite"

    def __init__(self, file: Path) -> None:
        self.where = str(file)
        self._file = file
        self._one_writer = asyncio.Lock()

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[Transaction]:
        async with self._one_writer, self._connected(writes=True) as one:
            await one.run("BEGIN IMMEDIATE")
            try:
                yield one
            except BaseException:
                await asyncio.shield(one.run("ROLLBACK"))
                raise
            await one.run("COMMIT")

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        async with self._connected(writes=False) as one:
            await one.run("PRAGMA query_only = 1")
            await one.run("BEGIN")
            yield one

    async def is_empty(self, transaction: Transaction) -> bool:
        return not await transaction.rows("SELECT 1 FROM sqlite_master WHERE name = 'runbooks_meta'")

    @contextlib.asynccontextmanager
    async def _connected(self, *, writes: bool) -> AsyncIterator[_Statements]:
        thread = ThreadPoolExecutor(1, "store")
        connection: sqlite3.Connection | None = None
        try:
            connection = await _in(thread, lambda: self._connect(writes=writes))
            yield _Statements(connection, thread)
        except FileNotFoundError as error:
            raise StoreEmpty(f"nothing is stored yet: there is no {self._file}") from error
        except (sqlite3.Error, OSError) as error:
            raise StoreAway(f"{self._file}: {error}") from error
        finally:
            if connection is not None:
                thread.submit(connection.close)
            thread.shutdown(wait=False)

    def _connect(self, *, writes: bool) -> sqlite3.Connection:
        if writes:
            private_directory(self._file.parent)
            make_private(self._file)
        found = own_file(self._file)
        address = f"file:{quote(str(self._file.absolute()))}?mode=rw"
        connection = sqlite3.connect(
            address, timeout=PATIENCE, isolation_level=None, check_same_thread=False, uri=True
        )
        try:
            own_file(self._file, found)
            if writes:
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection


async def _in(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(thread, work)
