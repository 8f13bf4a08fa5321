"""The faults of PostgreSQL, and of the way to it: what breaks, for real."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial

import asyncpg

from demo.faults.fault import NETWORKS, SMALL_DISK, Fault, unhealthy
from demo.faults.service import database_hung, database_lost
from demo.parts.waiting import until
from demo.systems.networked import NetworkedServices
from demo.systems.postgres import CUT_OFF
from demo.systems.services import BACKEND, POSTGRES, Services

_MORE_JOBS_THAN_CONNECTIONS = "7"
_TRIES = 100
_SOME_WORK = "INSERT INTO filler SELECT repeat(md5(n::text), 64) FROM generate_series(1, 500) n"


@asynccontextmanager
async def wrong_credentials(services: Services) -> AsyncIterator[None]:
    """The application's role has another password now; its sessions were cut off."""
    await services.cluster.change_password(services.cluster.user)
    try:
        await unhealthy(services)
        yield
    finally:
        await services.cluster.give_passwords_back()


@asynccontextmanager
async def database_stopped(services: Services) -> AsyncIterator[None]:
    """Somebody stops PostgreSQL, as its manager does it, and says nothing."""
    await services.stop_service(POSTGRES)
    await services.ended(POSTGRES)
    await unhealthy(services)
    yield


@asynccontextmanager
async def all_credentials_wrong(services: Services) -> AsyncIterator[None]:
    """The product's own role has another password too: every env file is out of date."""
    await services.cluster.change_password(services.cluster.watcher)
    async with wrong_credentials(services):
        yield


@asynccontextmanager
async def connection_limit(services: Services) -> AsyncIterator[None]:
    """Somebody opens sessions until PostgreSQL refuses, and leaves them idle."""
    async with AsyncExitStack() as sessions:
        await until("no connection left", partial(_takes_all, services, sessions))
        await until("sessions idle for long", partial(_young, services))
        yield


@asynccontextmanager
async def may_not_end_sessions(services: Services) -> AsyncIterator[None]:
    """The product's role lost the right to end the sessions of others."""
    role = services.cluster.watcher
    async with services.cluster.superuser() as superuser:
        await superuser.execute(f"REVOKE pg_signal_backend FROM {role}")
    try:
        async with connection_limit(services):
            yield
    finally:
        async with services.cluster.superuser() as superuser:
            await superuser.execute(f"GRANT pg_signal_backend TO {role}")


@asynccontextmanager
async def network_lost(services: Services) -> AsyncIterator[None]:
    """Somebody disconnects the backend's container from the network that it shares with PostgreSQL."""
    assert isinstance(services, NetworkedServices), "this fault needs containers in networks"
    await services.disconnect(BACKEND)
    await unhealthy(services)
    yield


@asynccontextmanager
async def pool_exhausted(services: Services) -> AsyncIterator[None]:
    """A deployment brings more background jobs than the pool has connections; each keeps one."""
    await services.set_backend("BACKGROUND_JOBS", _MORE_JOBS_THAN_CONNECTIONS)
    await until("pool empty", partial(_pool_complains, services))
    yield


@asynccontextmanager
async def disk_full(services: Services) -> AsyncIterator[None]:
    """Old log files fill the disk until PostgreSQL has no space for its WAL, and stops."""
    assert services.disk is not None, "this fault needs a small disk"
    async with services.cluster.superuser() as superuser:
        await superuser.execute("CREATE TABLE IF NOT EXISTS filler (text text)")
        services.disk.fill()
    try:
        await until("no space for the WAL", partial(_writes, services))
        await services.ended(POSTGRES)
        yield
    finally:
        services.disk.empty()


_fault = partial(Fault, alert="DatabaseConnectionFailure", service=POSTGRES)

FAULTS: dict[str, Fault] = {
    "database-down": _fault(database_lost, "down", "PostgreSQL crashes"),
    "database-stopped": _fault(
        database_stopped, "stopped by somebody", "somebody stops PostgreSQL", asks=True
    ),
    "database-frozen": _fault(database_hung, "hung", "PostgreSQL hangs", asks=True),
    "disk-full": _fault(
        disk_full, "disk full", "old logs fill the disk of PostgreSQL", asks=True, needs=SMALL_DISK
    ),
    "wrong-credentials": _fault(
        wrong_credentials, "wrong credentials", "the application's role has another password", ends=False
    ),
    "all-credentials-wrong": _fault(
        all_credentials_wrong, "wrong credentials", "every role has another password", ends=False
    ),
    "connection-limit": _fault(
        connection_limit, "connection limit", "idle sessions use up all connections", asks=True
    ),
    "may-not-end-sessions": _fault(
        may_not_end_sessions, "connection limit", "idle sessions that nobody may end", asks=True, ends=False
    ),
    "pool-exhausted": _fault(pool_exhausted, "pool exhausted", "jobs use up the backend's pool"),
    "network-lost": _fault(
        network_lost, "network", "the backend is cut off its database's network", asks=True, needs=NETWORKS
    ),
}


async def _takes_all(services: Services, sessions: AsyncExitStack) -> str:
    """Cut the backend off and open sessions until PostgreSQL refuses; it may be quicker for one of them."""
    async with services.cluster.superuser() as superuser:
        await superuser.execute(f"{CUT_OFF} AND application_name <> 'reports'", services.cluster.user)
    with suppress(asyncpg.TooManyConnectionsError):
        for _ in range(_TRIES):
            session = await asyncpg.connect(
                services.cluster.url, server_settings={"application_name": "reports"}
            )
            sessions.callback(session.terminate)
    return "" if await services.backend.is_healthy() else "the backend has a connection"


async def _young(services: Services) -> str:
    async with services.cluster.superuser() as superuser:
        idle = await superuser.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'reports'"
            " AND now() - state_change < interval '2.5 s'"
        )
    return f"{idle} sessions are idle for less than 2.5 s" if idle else ""


async def _pool_complains(services: Services) -> str:
    said = await services.backend.is_healthy()
    return "" if said.endswith("answered 503") else said or "it is still healthy"


async def _writes(services: Services) -> str:
    """Write until the WAL needs a new file; PostgreSQL panics when there is no space for it."""
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        async with services.cluster.superuser() as superuser:
            await superuser.execute(
                "INSERT INTO filler SELECT repeat(md5(n::text), 64) FROM generate_series(1, 500) n"
            )
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        async with services.cluster.superuser() as superuser:
            await superuser.execute("SELECT pg_switch_wal()")
    return "it still runs" if await services.is_running(POSTGRES) else ""
