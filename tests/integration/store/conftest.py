"""The same tests on both databases: a file, and a real PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from models.configuration.configuration import Configuration
from models.configuration.store import StoreSettings
from models.service.secret import SecretRef
from runtime.store.database import Database, Transaction
from runtime.store.opening import database_of
from runtime.store.schema import KEPT, refusing
from tests.parts.servers.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
async def settings(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreSettings]:
    """An empty store."""
    if request.param == "sqlite":
        yield StoreSettings(file=str(tmp_path / "store" / "incidents.sqlite"))
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"store_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(server.url())
    await admin.execute(f"CREATE DATABASE {name}")
    secret = tmp_path / "url"
    secret.write_text(server.url(database=name))
    try:
        yield StoreSettings(postgres=SecretRef(file=str(secret)))
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
def database(settings: StoreSettings) -> Database:
    return database_of(Configuration(store=settings))


@asynccontextmanager
async def unguarded(database: Database) -> AsyncIterator[Transaction]:
    """A transaction of somebody who may do everything, and so takes the triggers away for a moment."""
    async with database.writing() as one:
        for table in KEPT:
            for trigger in ("kept", "whole"):
                of = f" ON {table}" if database.kind == "postgres" else ""
                await one.run(f"DROP TRIGGER IF EXISTS {table}_{trigger}{of}")
        yield one
        for statement in refusing(database.kind):
            await one.run(statement)


async def every(database: Database, statement: str, *values: Any) -> list[dict[str, Any]]:
    async with database.reading() as one:
        return [dict(row) for row in await one.rows(statement, *values)]
