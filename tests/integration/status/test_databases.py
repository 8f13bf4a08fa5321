"""A real PostgreSQL, asked what a person asks by hand."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.databases.overview import DatabaseOverviewActivities
from models.checks.item import ItemResult, ItemState
from models.service.service import Service
from tests.integration.postgres.test_sessions import behind
from tests.parts.product.intake import until
from tests.parts.servers.postgres_server import PostgresServer
from tests.parts.servers.sockets import closed_port

LOOKS = DatabaseOverviewActivities()


async def look(activity: Any, service: Service) -> ItemResult:
    found: ItemResult = await ActivityEnvironment().run(activity, service)
    return found


@pytest.fixture
async def monitor(
    postgres_server: PostgresServer, as_superuser: asyncpg.Connection, tmp_path: Path
) -> AsyncIterator[Service]:
    name, password = f"monitor_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    await as_superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE pg_monitor")
    yield behind(tmp_path / "monitor", postgres_server.url(name, password))
    await as_superuser.execute(f"DROP ROLE {name}")


async def test_it_tells_its_time_and_version(monitor: Service) -> None:
    seen = await look(LOOKS.look_at_clock, monitor)
    assert seen.state is ItemState.OK
    assert " UTC; PostgreSQL 1" in seen.reason


async def test_a_database_that_is_away_is_bad_and_an_unknown_host_is_not(tmp_path: Path) -> None:
    away = behind(tmp_path / "url", f"postgres://a:b@127.0.0.1:{closed_port()}/x")
    for activity in (LOOKS.look_at_clock, LOOKS.look_at_waiting, LOOKS.look_at_sizes):
        assert (await look(activity, away)).state is ItemState.BAD
    nowhere = behind(tmp_path / "url", "postgres://a:secret-b@no-such-host.invalid/x")
    seen = await look(LOOKS.look_at_clock, nowhere)
    assert (seen.state, "secret-b" in seen.reason) == (ItemState.UNKNOWN, False)


async def test_who_is_blocked_waits_and_who_waits_for_its_client_does_not(
    monitor: Service, postgres_server: PostgresServer, as_superuser: asyncpg.Connection
) -> None:
    table = f"t_{secrets.token_hex(4)}"
    await as_superuser.execute(f"CREATE TABLE {table} (name text)")
    async with contextlib.AsyncExitStack() as stack:
        holder, *others = [await asyncpg.connect(postgres_server.url()) for _ in range(3)]
        for one in (holder, *others):
            stack.push_async_callback(one.close, timeout=5)
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute(f"LOCK TABLE {table}")  # and now it waits for its client
        waits = [
            asyncio.create_task(one.execute(f"UPDATE {table} SET name = 'secret-name'")) for one in others
        ]

        async def both() -> ItemResult | None:
            seen = await look(LOOKS.look_at_waiting, monitor)
            return seen if "2 queries wait" in seen.reason else None

        seen: ItemResult = await until(both)
        assert seen.state is ItemState.ATTENTION
        assert seen.reason == "2 queries wait, 2 of them for another session"
        by = [row[3] for row in seen.tables[0].rows]
        assert all(str(holder.get_server_pid()) in one for one in by)
        assert "secret-name" not in str(seen)
        await transaction.rollback()
        await asyncio.gather(*waits)
    await as_superuser.execute(f"DROP TABLE {table}")
    assert (await look(LOOKS.look_at_waiting, monitor)).reason == "no query waits"


async def test_who_sees_only_itself_is_told_what_to_grant(
    postgres_server: PostgresServer, app_role: tuple[str, str], tmp_path: Path
) -> None:
    seen = await look(LOOKS.look_at_waiting, behind(tmp_path / "app", postgres_server.url(*app_role)))
    assert (seen.state, "GRANT pg_monitor" in seen.reason) == (ItemState.UNKNOWN, True)


async def test_a_database_that_the_role_may_not_enter_hides_no_other(
    postgres_server: PostgresServer,
    as_superuser: asyncpg.Connection,
    app_role: tuple[str, str],
    monitor: Service,
    tmp_path: Path,
) -> None:
    hidden = f"hidden_{secrets.token_hex(4)}"
    await as_superuser.execute(f"CREATE DATABASE {hidden}")
    await as_superuser.execute(f"REVOKE CONNECT ON DATABASE {hidden} FROM PUBLIC")
    app = behind(tmp_path / "app", postgres_server.url(*app_role))
    seen = await look(LOOKS.look_at_sizes, app)
    assert seen.state is ItemState.OK
    assert seen.reason.endswith("; 1 may not be measured by this role")
    assert hidden not in [row[0] for row in seen.tables[0].rows]
    assert hidden in [row[0] for row in (await look(LOOKS.look_at_sizes, monitor)).tables[0].rows]
    await as_superuser.execute(f"DROP DATABASE {hidden}")
