"""A real PostgreSQL 17 on a free port, in a directory of its own.

PostgreSQL refuses to run as root: started by root it runs as `nobody`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from demo.parts.loopback import free_port
from demo.parts.postgres_programs import as_its_user, postgres_program

MAX_CONNECTIONS = 12
RESERVED = 3


class PostgresServer:
    """One server: its address, and what can be done to it."""

    def __init__(self, directory: Path) -> None:
        self.password = secrets.token_urlsafe(12)
        self.port = free_port()
        self._data = directory / "data"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, user: str = "postgres", password: str | None = None, database: str = "postgres") -> str:
        return f"postgresql://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        secret = self._directory / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:
            shutil.chown(self._directory, "nobody")
            shutil.chown(secret, "nobody")
        options = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={secret}", "--no-sync", "-E", "UTF8"]
        self._run("initdb", "-D", str(self._data), *options)

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": MAX_CONNECTIONS,
            "superuser_reserved_connections": RESERVED,
            "max_prepared_transactions": 2,
            "fsync": "off",
            "shared_buffers": "16MB",
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        command = _command("postgres", "-D", str(self._data), "-p", str(self.port), *settings)
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        until = time.monotonic() + 20
        while time.monotonic() < until and self._process.poll() is None:  # else another's port would do
            ready = _command("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port))
            if subprocess.run(ready, cwd=self._directory, check=False).returncode == 0:
                return
            time.sleep(0.05)  # between two looks of a bounded wait
        raise RuntimeError((self._directory / "log").read_text())

    def stop(self) -> None:
        """Fast shutdown; nothing when it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=20)
            self._process = None

    @contextmanager
    def hung(self) -> Iterator[None]:
        """Within the block it accepts connections, as the kernel does, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _run(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(
            _command(tool, *arguments), cwd=self._directory, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)


def _command(tool: str, *arguments: str) -> list[str]:
    return as_its_user([postgres_program(tool), *arguments])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The server of the whole test session. Leave it running, and without your roles and locks."""
    directory = Path(tempfile.mkdtemp(prefix="runbooks-postgres-"))
    server = PostgresServer(directory)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory)


@pytest.fixture
async def as_superuser(postgres_server: PostgresServer) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do everything, through one of the reserved slots if need be."""
    connection = await asyncpg.connect(postgres_server.url())
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def app_role(as_superuser: asyncpg.Connection) -> AsyncIterator[tuple[str, str]]:
    """Name and password of an ordinary role that exists during the test."""
    name, password = f"app_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    await as_superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    try:
        yield name, password
    finally:
        await as_superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", name
        )
        await as_superuser.execute(f"DROP ROLE {name}")
