"""Real backups by `pg_dump`, made once."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from demo.parts.postgres_programs import postgres_program
from tests.parts.servers.postgres_server import PostgresServer

FILES = {"c": "shop.dump", "p": "shop.sql", "d": "shop.dir"}


@pytest.fixture(scope="session")
async def dumps(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Path]:
    """A directory with a backup in each format, `shop.sql.gz`, and `all.sql` by `pg_dumpall`."""
    directory = tmp_path_factory.mktemp("dumps")
    name = f"backed_up_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(postgres_server.url())
    await admin.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(postgres_server.url(database=name))
    try:
        await connection.execute(
            "CREATE TABLE products AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 20000) g;"
            "CREATE TABLE videos (id int)"
        )
        _dump(postgres_server.url(database=name), directory)
        yield directory
    finally:
        await connection.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@pytest.fixture
async def drill_user(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """The address of the server as a user who may create databases, and nothing else."""
    admin = await asyncpg.connect(postgres_server.url())
    await admin.execute("CREATE ROLE drill_only LOGIN CREATEDB PASSWORD 'drill-only'")
    yield f"postgresql://drill_only:drill-only@127.0.0.1:{postgres_server.port}/postgres"
    await admin.execute("DROP ROLE drill_only")
    await admin.close()


def _dump(url: str, directory: Path) -> None:
    for kind, name in FILES.items():
        command = [postgres_program("pg_dump"), "-d", url, "-F", kind, "-f", str(directory / name)]
        subprocess.run(command, check=True, timeout=60)
    address = urlsplit(url)
    command = [postgres_program("pg_dumpall"), "-h", "127.0.0.1", "-p", str(address.port), "-U", "postgres"]
    command += ["-f", str(directory / "all.sql")]
    subprocess.run(command, check=True, timeout=60, env={"PGPASSWORD": address.password or ""})
    (directory / "shop.sql.gz").write_bytes(gzip.compress((directory / "shop.sql").read_bytes()))


def put(source: Path, target: Path, old: timedelta = timedelta(hours=3), size: int | None = None) -> Path:
    """A copy of a backup that was made so long ago; of a file its first `size` bytes only."""
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        target.write_bytes(source.read_bytes()[:size])
    return aged(target, old)


def aged(path: Path, old: timedelta) -> Path:
    """The same path, last written to so long ago."""
    at = time.time() - old.total_seconds()
    for one in (path, *(path.iterdir() if path.is_dir() else ())):
        os.utime(one, (at, at))
    return path
