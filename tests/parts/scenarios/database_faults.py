"""The faults of PostgreSQL, its settings and a pooler that only its own scenarios need."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import asyncpg

from demo.faults.fault import Inject, unhealthy
from demo.parts.postgres_programs import NOBODY, as_its_user, postgres_program
from demo.parts.waiting import until
from demo.systems.postgres import CUT_OFF, Cluster
from demo.systems.services import POSTGRES, Services
from tests.parts.servers.refusing_postgres import pgbouncer, refusing
from tests.parts.servers.sockets import listening

_PROMOTED_WITHIN = 30
"""Seconds for `pg_ctl promote`, which waits for the end of the recovery."""


@asynccontextmanager
async def standby_without_readers(services: Services) -> AsyncIterator[None]:
    """PostgreSQL was started as a standby that takes no reader: it recovers until somebody promotes it."""
    cluster = services.cluster
    settings, standby = cluster.data / "postgresql.conf", cluster.data / "standby.signal"
    before = settings.read_text()
    await services.stop_service(POSTGRES)
    await services.ended(POSTGRES)
    settings.write_text(f"{before}\nhot_standby = off\n")
    standby.touch(mode=0o600)
    if os.geteuid() == 0:
        shutil.chown(standby, NOBODY, NOBODY)
    await services.start_service(POSTGRES)
    try:
        await until("a standby", partial(_says, cluster, "Hot standby mode is disabled"))
        await unhealthy(services)
        yield
    finally:
        settings.write_text(before)
        if standby.exists():
            await promote(cluster)


async def promote(cluster: Cluster) -> None:
    """End the recovery of a standby, as its DBA does it."""
    argv = as_its_user([postgres_program("pg_ctl"), "promote", "-D", str(cluster.data)])
    run = partial(subprocess.run, argv, check=True, capture_output=True, timeout=_PROMOTED_WITHIN, cwd="/")
    await asyncio.to_thread(run)


@asynccontextmanager
async def no_entry_in_pg_hba(services: Services) -> AsyncIterator[None]:
    """Somebody left only the superuser's entry in `pg_hba.conf`, and reloaded it."""
    cluster = services.cluster
    file = cluster.data / "pg_hba.conf"
    before = file.read_text()
    await _admit(cluster, "host all postgres all scram-sha-256\n")
    try:
        await until("not admitted", partial(_says, cluster, "no pg_hba.conf entry"))
        await _cut_off(cluster)
        await unhealthy(services)
        yield
    finally:
        await _admit(cluster, before)


@asynccontextmanager
async def renamed_database(services: Services) -> AsyncIterator[None]:
    """Somebody renamed the database; every connection string names it as before."""
    cluster = services.cluster
    elsewhere = f"{cluster.database}_before"
    await _rename(cluster, cluster.database, elsewhere)
    try:
        await unhealthy(services)
        yield
    finally:
        await _rename(cluster, elsewhere, cluster.database)


@asynccontextmanager
async def read_only_database(services: Services) -> AsyncIterator[None]:
    """The database takes no writes, as after a failover, and the application is started before it."""
    cluster = services.cluster
    await _maintain(cluster, f"ALTER DATABASE {cluster.database} SET default_transaction_read_only = on")
    try:
        await services.recreate_backend()
        await until("read-only", partial(_backend_says, services, "read-only transaction"))
        await unhealthy(services)
        yield
    finally:
        await _maintain(cluster, f"ALTER DATABASE {cluster.database} RESET default_transaction_read_only")
        await _cut_off(cluster)


@asynccontextmanager
async def pooler_without_connections(services: Services) -> AsyncIterator[None]:
    """The product connects through a PgBouncer whose one connection is in a transaction of another client."""
    watcher = urlsplit(services.cluster.watcher_url)
    users = {services.cluster.watcher: watcher.password or ""}
    with pgbouncer(services.cluster.port, users, default_pool_size=1, query_wait_timeout=1) as port:
        pooled = watcher._replace(netloc=watcher.netloc.replace(f":{watcher.port}", f":{port}")).geturl()
        holder = await asyncpg.connect(pooled, statement_cache_size=0)
        try:
            await holder.execute("BEGIN")
            async with _connects_to(services, pooled):
                yield
        finally:
            holder.terminate()


@asynccontextmanager
async def another_server(services: Services) -> AsyncIterator[None]:
    """The secret leads to a port on which somebody takes connections, and says nothing."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    watcher = urlsplit(services.cluster.watcher_url)
    async with listening(silent) as port:
        elsewhere = watcher._replace(netloc=watcher.netloc.replace(f":{watcher.port}", f":{port}")).geturl()
        async with _connects_to(services, elsewhere):
            yield


def says(code: str, message: str) -> Inject:
    """What takes days or a broken disk to come about: a stand-in answers every login with it."""

    @asynccontextmanager
    async def inject(services: Services) -> AsyncIterator[None]:
        async with refusing(code, message) as url, _connects_to(services, url):
            yield

    return inject


@asynccontextmanager
async def _connects_to(services: Services, url: str) -> AsyncIterator[None]:
    """The secret that `runbooks.yaml` names holds this connection string."""
    secret = services.cluster.data.parent / "postgres-url"
    before = secret.read_text()
    secret.write_text(url)
    try:
        yield
    finally:
        secret.write_text(before)


async def _admit(cluster: Cluster, entries: str) -> None:
    (cluster.data / "pg_hba.conf").write_text(entries)
    await _maintain(cluster, "SELECT pg_reload_conf()")


async def _rename(cluster: Cluster, name: str, to: str) -> None:
    """Closed first: clients that come again at once would keep it in use."""
    await _maintain(cluster, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await _cut_off(cluster)
    await _maintain(cluster, f"ALTER DATABASE {name} RENAME TO {to}")
    await _maintain(cluster, f"ALTER DATABASE {to} ALLOW_CONNECTIONS true")


async def _cut_off(cluster: Cluster) -> None:
    for role in (cluster.user, cluster.watcher):
        await _maintain(cluster, CUT_OFF, role)


async def _maintain(cluster: Cluster, statement: str, *values: str) -> None:
    """As the superuser, from the database `postgres`: the application's own may be closed or gone."""
    session = await asyncpg.connect(cluster.superuser_url, database="postgres", timeout=5)
    try:
        await session.execute(statement, *values)
    finally:
        session.terminate()


async def _says(cluster: Cluster, words: str) -> str:
    """Empty when PostgreSQL refuses the application with these words, or adds them to the refusal."""
    try:
        await (await asyncpg.connect(cluster.url, timeout=2)).close()
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        said = f"{error} {getattr(error, 'detail', '')}"
        return "" if words in said else said
    return "it lets the application in"


async def _backend_says(services: Services, words: str) -> str:
    await services.backend.is_healthy()
    log = await services.log_of("backend")
    return "" if words in log else f"it has not said {words!r} yet"
