"""A database to restore into, gone afterwards whatever happens: on a server of the drill's own, or on one
that is configured for it.

A worker that is killed takes its own server with it; what is left of it, a directory or a database, is taken
away by the next attempt, and by the next drill of the same location. Only names with the drill's own prefix
are ever created or dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from activities.drill.growth import size_of
from activities.drill.production import refuse_production
from activities.drill.programs import ENVIRONMENT, NOBODY, Failed, program, run, with_its_parent, within
from activities.drill.rights import refuse_powerful
from activities.postgres.address import for_asyncpg
from activities.postgres.connecting import connecting
from activities.support.secrets import resolve
from models.base import in_bytes
from models.configuration.backups import BackupLocation
from models.service.service import Service

PREFIX = "runbooks_drill_"
STARTS_WITHIN = 60.0
_STATEMENT_WITHIN = 300.0
"""Seconds: dropping a large database waits for its files."""
_WHATEVER_THE_ROLE_HAS = "SET default_transaction_read_only = off; SET search_path = pg_catalog"
"""A dump may have changed the settings of the user who restores it."""
_HAS_SETTINGS = """
SELECT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole
               WHERE r.rolname = session_user AND s.setdatabase = 0)
"""
_LEAST_MEMORY = 2**29
"""Bytes of address space of a process of PostgreSQL; what all share is a good quarter of it."""
_WITH_ITS_HELPERS = "2"
"""Processes that may help a statement: together they bound the memory that it takes."""
_POLL = 0.1
CLEARED_WITHIN = 50
"""Tries, a poll apart."""
_REACHES_OUT = {"dblink", "http", "pg_net", "plproxy", "aws_s3", "aws_lambda", "azure_storage", "mysql_fdw"}
"""Extensions by whose functions everybody in a database connects to other systems: a dump would do so from
this machine, and its network."""
_USER, _RESTORER, _DATABASE = "drill", "restorer", "restored"


class NoRoom(Exception):
    """There is too little space for a restore."""


@dataclass(frozen=True)
class Scratch:
    """An empty database: how programs and asyncpg reach it, and the secret that is not in `url`."""

    url: str
    size: Callable[[], Awaitable[int]]
    """Its bytes as of now."""
    password: str = ""


@contextlib.asynccontextmanager
async def scratch(
    location: BackupLocation, services: Iterable[Service], size: int, extensions: Sequence[str], run_id: str
) -> AsyncIterator[Scratch]:
    """With these extensions, as far as its server has them and ours is to create them.

    Raises `NoRoom`, `Missing`, `Failed`, `IsProduction`, `TooPowerful`, `SecretMissing`, and what asyncpg
    raises."""
    if location.drill.server:
        async with _on_a_configured_server(location, services, run_id) as one:
            yield one
    else:
        async with _on_its_own_server(location, size, extensions, run_id) as one:
            yield one


def prefix_of(location: BackupLocation) -> str:
    """How the names of its directories and databases begin, and those of no other location do."""
    readable = re.sub(r"[^a-z0-9]+", "_", location.name.lower())[:11]
    return f"{PREFIX}{readable}_{sha256(location.name.encode()).hexdigest()[:8]}_"


@contextlib.asynccontextmanager
async def _on_a_configured_server(
    location: BackupLocation, services: Iterable[Service], run_id: str
) -> AsyncIterator[Scratch]:
    assert location.drill.server is not None  # noqa: S101 - asked before
    url = for_asyncpg(resolve(location.drill.server))
    mine = prefix_of(location)
    name = f"{mine}{re.sub('[^a-z0-9]', '', run_id.lower())[:12]}"
    async with connecting(url, within=10, each=_STATEMENT_WITHIN) as admin:
        await admin.execute(_WHATEVER_THE_ROLE_HAS)
        await refuse_production(admin, url, services)
        await refuse_powerful(admin, location)
        for row in await admin.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", mine):
            await _drop(admin, row["datname"])
        has_settings = await admin.fetchval(_HAS_SETTINGS)
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            parts = urlsplit(url)
            password = parts.password or ""
            netloc = parts.netloc.replace(f":{password}@", "@", 1) if password else parts.netloc

            async def size() -> int:
                found: int = await admin.fetchval("SELECT pg_database_size($1)", name)
                return found

            yield Scratch(urlunsplit(parts._replace(netloc=netloc, path=f"/{name}")), size, password)
        finally:
            await asyncio.shield(_cleared(admin, name, has_settings))


async def _cleared(admin: asyncpg.Connection, name: str, had_settings: bool) -> None:
    """Settings that a dump gave to the user who restored it would hold for the next drill."""
    await _drop(admin, name)
    if not had_settings and await admin.fetchval(_HAS_SETTINGS):
        await admin.execute("ALTER ROLE CURRENT_USER RESET ALL")


async def _drop(admin: asyncpg.Connection, name: str) -> None:
    if not name.startswith(PREFIX):
        raise ValueError(f"{name} is no database of a drill")
    if await admin.fetchval("SELECT datistemplate FROM pg_database WHERE datname = $1", name):
        await admin.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false')  # such a one cannot be dropped
    await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextlib.asynccontextmanager
async def _on_its_own_server(
    location: BackupLocation, size: int, extensions: Sequence[str], run_id: str
) -> AsyncIterator[Scratch]:
    """A cluster in a directory of its own, which answers on a socket in that directory only."""
    above = Path(tempfile.gettempdir())
    mine = prefix_of(location)
    await asyncio.to_thread(_clear_all, above, mine)
    _room(location, above, size)
    directory = _made(above, mine + run_id[:8])
    server: asyncio.subprocess.Process | None = None
    try:
        data = directory / "data"
        options = ["-U", _USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        await run(with_its_parent([program(location, "initdb"), "-D", str(data), *options]))
        server = await _start(location, data, directory)
        socket = f"?host={quote(str(directory), safe='')}"
        await _prepare(server, f"postgresql://{_USER}@/postgres{socket}")
        await _extend(f"postgresql://{_USER}@/{_DATABASE}{socket}", extensions)
        yield Scratch(
            f"postgresql://{_RESTORER}@/{_DATABASE}{socket}", functools.partial(size_of, data / "base")
        )
    finally:
        if server and server.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                server.send_signal(signal.SIGQUIT)
            with contextlib.suppress(TimeoutError):
                await asyncio.shield(asyncio.wait_for(server.wait(), 10))
        await asyncio.to_thread(_clear, directory)


def _made(above: Path, prefix: str) -> Path:
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=above))
    if os.geteuid() == 0:
        os.chown(directory, NOBODY, NOBODY)
    return directory


def _room(location: BackupLocation, above: Path, size: int) -> None:
    free, needed = shutil.disk_usage(above).free, round(size * location.drill.room)
    if free < needed:
        raise NoRoom(
            f"{above} has {in_bytes(free)} free, and a restore of {in_bytes(size)} may need "
            f"{in_bytes(needed)}: set TMPDIR of the worker to a larger disk, or lower drill.room"
        )


async def _start(location: BackupLocation, data: Path, directory: Path) -> asyncio.subprocess.Process:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(directory),
        "fsync": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "shared_preload_libraries": "",
        "logging_collector": "off",
        "max_worker_processes": _WITH_ITS_HELPERS,
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    command = with_its_parent([program(location, "postgres"), "-D", str(data), *options])
    return await asyncio.create_subprocess_exec(
        *within(command, max(location.memory, _LEAST_MEMORY)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env=ENVIRONMENT,
    )


async def _prepare(server: asyncio.subprocess.Process, url: str) -> None:
    """Once it answers: a database of a role that may do nothing else, for a dump runs what is in it."""
    try:
        async with asyncio.timeout(STARTS_WITHIN):
            while server.returncode is None:
                with contextlib.suppress(OSError, asyncpg.PostgresError):
                    async with connecting(url, within=5, each=_STATEMENT_WITHIN) as connection:
                        await connection.execute(f"CREATE ROLE {_RESTORER} LOGIN")
                        await connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {_RESTORER}")
                    return
                await asyncio.sleep(_POLL)
    except TimeoutError:
        raise Failed(f"the scratch server did not answer within {STARTS_WITHIN:.0f} s") from None
    raise Failed(f"the scratch server ended with code {server.returncode}")


async def _extend(url: str, extensions: Sequence[str]) -> None:
    """Extensions that only a superuser may create; what the server lacks, or is not created here, the
    restore will tell."""
    async with connecting(url, within=10, each=_STATEMENT_WITHIN) as connection:
        for name in set(extensions) - _REACHES_OUT:
            with contextlib.suppress(asyncpg.PostgresError):
                await connection.execute(f'CREATE EXTENSION IF NOT EXISTS "{name.replace(chr(34), "")}"')


def _clear_all(above: Path, prefix: str) -> None:
    for left in above.glob(f"{prefix}*"):
        _clear(left)


def _clear(directory: Path) -> None:
    """Its server first, if its worker could not end it."""
    if not directory.name.startswith(PREFIX) or directory.is_symlink():
        return
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int((directory / "data" / "postmaster.pid").read_text().splitlines()[0])
        if str(directory) in Path(f"/proc/{pid}/cmdline").read_text(errors="replace"):
            os.kill(pid, signal.SIGKILL)
    for _ in range(CLEARED_WITHIN):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(_POLL)  # the processes of a server that was killed write until they notice
