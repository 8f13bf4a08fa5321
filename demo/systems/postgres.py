"""A real PostgreSQL: one cluster with the demo's database, on loopback TCP."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from demo.parts.errors import PartError
from demo.parts.loopback import LOOPBACK, free_port
from demo.parts.part import ProcessPart
from demo.parts.postgres_programs import NOBODY, as_its_user, postgres_program
from demo.parts.process import Process

MAX_CONNECTIONS = 30
_RUN_WITHIN = 60
"""Seconds for one of PostgreSQL's programs that prepare the cluster."""

CUT_OFF = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE usename = $1"

_MAY = "pg_monitor, pg_signal_backend, pg_use_reserved_connections, pg_maintain"

_SETTINGS = f"""
max_connections = {MAX_CONNECTIONS}
reserved_connections = 2
shared_buffers = 16MB
min_wal_size = 32MB
fsync = off
restart_after_crash = off
"""
"""In its file, where `ALTER SYSTEM` wins over it. A crashed PostgreSQL stays down: its manager decides."""


class Cluster:
    """The files of one PostgreSQL and how it is run; started by `Postgres`, supervisord or Docker."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.data = directory / "postgres-data"
        self.user = "affiliate"
        self.database = "affiliate"
        self.watcher = "runbooks"
        """The product's own role: to look, analyze, end sessions, use the last connections, allow more."""
        self.password = secrets.token_hex(12)
        self._watcher_password = secrets.token_hex(12)
        self._superuser_password = secrets.token_hex(12)
        self._changed_passwords: list[str] = []

    @property
    def url(self) -> str:
        """The application's connection string: a secret."""
        return self._url(self.user, self.password)

    @property
    def watcher_url(self) -> str:
        """The product's connection string: a secret."""
        return self._url(self.watcher, self._watcher_password)

    @property
    def superuser_url(self) -> str:
        return self._url("postgres", self._superuser_password)

    @property
    def passwords(self) -> tuple[str, ...]:
        """Every password that there is: what must never be told."""
        own = (self.password, self._watcher_password, self._superuser_password)
        return (*own, *self._changed_passwords)

    @property
    def server(self) -> list[str]:
        """The server's argument list, to be run as a user who is not root."""
        return [
            *(postgres_program("postgres"), "-D", str(self.data)),
            *("-p", str(self.port), "-c", f"listen_addresses={LOOPBACK}"),
            *("-c", "unix_socket_directories=", "-c", "logging_collector=off"),
        ]

    @property
    def argv(self) -> list[str]:
        """The argument list on this machine, for any user."""
        return as_its_user(self.server)

    def prepare(self) -> None:
        """Make the cluster, the application's role and its database, before anything listens."""
        if (self.data / "PG_VERSION").exists():
            return
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.data, NOBODY, NOBODY)
        initdb = [postgres_program("initdb"), "-D", str(self.data), "-U", "postgres"]
        initdb += ["-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--pwfile=/dev/stdin", "--no-sync"]
        _run(initdb, said=f"{self._superuser_password}\n")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS)
        with (self.data / "pg_hba.conf").open("a") as file:
            file.write("host all all all scram-sha-256\n")
        statements = (
            f"CREATE ROLE {self.user} LOGIN PASSWORD '{self.password}' IN ROLE pg_monitor",
            f"CREATE ROLE {self.watcher} LOGIN PASSWORD '{self._watcher_password}' IN ROLE {_MAY}",
            f"GRANT ALTER SYSTEM ON PARAMETER max_connections TO {self.watcher}",
            f"CREATE DATABASE {self.database} OWNER {self.user}",
        )
        single = [postgres_program("postgres"), "--single", "-D", str(self.data), "postgres"]
        _run(single, said="".join(f"{statement};\n" for statement in statements))

    @asynccontextmanager
    async def superuser(self) -> AsyncIterator[asyncpg.Connection]:
        """A session of the superuser, for whom a connection is always left."""
        connection = await asyncpg.connect(self.superuser_url, timeout=5)
        try:
            yield connection
        finally:
            connection.terminate()

    async def change_password(self, role: str) -> None:
        """Somebody gave the role another password; the sessions that it had are cut off."""
        self._changed_passwords.append(secrets.token_hex(12))
        await self._set_password(role, self._changed_passwords[-1])

    async def give_passwords_back(self) -> None:
        """Both roles have their first passwords again."""
        await self._set_password(self.user, self.password)
        await self._set_password(self.watcher, self._watcher_password)

    async def _set_password(self, role: str, password: str) -> None:
        async with self.superuser() as session:
            await session.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
            await session.execute(CUT_OFF, role)

    def _url(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{self.database}"

    async def answers(self) -> str:
        """Empty when `SELECT 1` is answered; else why not."""
        try:
            async with asyncio.timeout(2.0):
                connection = await asyncpg.connect(self.url, timeout=1.5)
                try:
                    await connection.fetchval("SELECT 1")
                finally:
                    connection.terminate()
        except TimeoutError:
            return "no answer to SELECT 1 within 2 s"
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return str(error) or type(error).__name__
        return ""


class Postgres(ProcessPart):
    """The cluster run by itself. `pause` makes it hang: TCP is accepted and nothing answered."""

    def __init__(self, directory: Path) -> None:
        self.cluster = Cluster(directory)
        self.process = Process("postgres", self.cluster.argv, directory=directory, stop_signal=signal.SIGINT)

    @property
    def url(self) -> str:
        return self.cluster.url

    @property
    def port(self) -> int:
        return self.cluster.port

    async def start(self) -> None:
        await asyncio.to_thread(self.cluster.prepare)
        await super().start()

    def pause(self) -> None:
        self.process.pause()

    def resume(self) -> None:
        self.process.resume()

    async def looks_ready(self) -> str:
        return await self.cluster.answers()


def _run(argv: list[str], *, said: str) -> None:
    name = Path(argv[0]).name
    try:
        done = subprocess.run(
            as_its_user(argv), input=said, text=True, capture_output=True, timeout=_RUN_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise PartError(f"{name} did not end within {_RUN_WITHIN} s") from None
    if done.returncode != 0:
        raise PartError(f"{name} failed: {'; '.join(done.stderr.splitlines()) or done.returncode}")
