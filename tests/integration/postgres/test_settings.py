"""`max_connections` of a real PostgreSQL under a real supervisord: raised, refused, or out of reach."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.managers import Managers
from activities.postgres.settings import PostgresSettingActivities
from demo.parts.postgres_programs import NOBODY, as_its_user, postgres_program
from models.actions.change import ActionResult, Perform
from models.actions.database import RaiseMaxConnections
from models.service.secret import SecretRef
from models.service.service import Database, Service
from tests.parts.servers.postgres_server import MAX_CONNECTIONS, PostgresServer
from tests.parts.servers.sockets import closed_port
from tests.parts.servers.supervisor import SLEEPS, StartSupervisord

BEFORE, AFTER, RESERVED = 12, 20, 3


@dataclass
class Supervised:
    """A PostgreSQL that supervisord runs, with its number of connections in `postgresql.conf`."""

    service: Service
    secret: Path
    data: Path
    port: int

    def url(self, user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/postgres"

    async def run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url())
        await connection.execute(statement)
        await connection.close()

    def connects_as(self, user: str) -> None:
        self.secret.write_text(self.url(user))


@pytest.fixture
def supervised(start_supervisord: StartSupervisord) -> Iterator[Supervised]:
    directory = Path(tempfile.mkdtemp(prefix="runbooks-pg-"))
    if os.geteuid() == 0:
        shutil.chown(directory, NOBODY)
    data, port = directory / "data", closed_port()
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": BEFORE,
        "superuser_reserved_connections": RESERVED,
        "fsync": "off",
        "shared_buffers": "16MB",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = as_its_user([postgres_program("initdb"), "-D", str(data), "-U", "postgres"])
    subprocess.run(
        [*command, "--auth=trust", "--no-sync", *options], check=True, capture_output=True, cwd=directory
    )
    server = shlex.join(as_its_user([postgres_program("postgres"), "-D", str(data)]))
    # SIGINT is PostgreSQL's fast shutdown: it does not wait for the sessions.
    supervisord = start_supervisord(db=("", {"command": server, "stopsignal": "INT", "stopwaitsecs": "10"}))
    secret = directory / "url"
    service = supervisord.service("db", database=Database(url=SecretRef(file=str(secret))))
    made = Supervised(service, secret, data, port)
    made.connects_as("postgres")
    _wait_until_ready(port)
    yield made
    shutil.rmtree(directory)


def _wait_until_ready(port: int) -> None:
    until = time.monotonic() + 20
    ready = [postgres_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode != 0:
        assert time.monotonic() < until, "PostgreSQL did not start"
        time.sleep(0.05)


def action(service: Service, before: int = BEFORE, after: int = AFTER) -> RaiseMaxConnections:
    return RaiseMaxConnections(service=service, from_connections=before, to_connections=after)


async def raise_(wanted: RaiseMaxConnections, within: timedelta = timedelta(seconds=20)) -> ActionResult:
    """In a thread, as a worker does."""
    request: Perform[RaiseMaxConnections] = Perform(action=wanted, asked_at=datetime.now(UTC))
    activities = PostgresSettingActivities(Managers(), comes_back_within=within)
    effect = await asyncio.to_thread(ActivityEnvironment().run, activities.raise_max_connections, request)
    assert isinstance(effect, ActionResult)
    return effect


@asynccontextmanager
async def crowded(supervised: Supervised) -> AsyncIterator[None]:
    """All connections taken that are not reserved for a superuser."""
    await supervised.run("CREATE ROLE crowd LOGIN")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(BEFORE - RESERVED):
            stack.callback((await asyncpg.connect(supervised.url("crowd"))).terminate)
        yield


async def test_raised_and_in_force_after_the_restart(supervised: Supervised) -> None:
    wanted = action(supervised.service)
    effect = await raise_(wanted)
    assert effect.done, effect.found
    assert (effect.before, effect.after) == ("max_connections is 12", "max_connections is 20")
    assert "max_connections = '20'" in (supervised.data / "postgresql.auto.conf").read_text()
    again = await raise_(wanted)
    assert again.found == "nothing to do: max_connections is 20"


async def test_a_superuser_gets_in_when_connections_have_run_out(supervised: Supervised) -> None:
    async with crowded(supervised):
        effect = await raise_(action(supervised.service))
    assert effect.done, effect.found


async def test_an_ordinary_role_does_not_get_in(supervised: Supervised) -> None:
    await supervised.run("CREATE ROLE app LOGIN")
    supervised.connects_as("app")
    async with crowded(supervised):
        with pytest.raises(ApplicationError, match="terminate idle sessions first") as refused:
            await raise_(action(supervised.service))
    assert refused.value.type == "ManagerUnreachable"
    assert refused.value.non_retryable


async def test_a_role_needs_the_right_to_and_no_more(supervised: Supervised) -> None:
    await supervised.run("CREATE ROLE app LOGIN")
    supervised.connects_as("app")
    effect = await raise_(action(supervised.service))
    assert not effect.done
    assert "GRANT ALTER SYSTEM ON PARAMETER max_connections" in effect.found
    await supervised.run("GRANT ALTER SYSTEM ON PARAMETER max_connections TO app")
    assert (await raise_(action(supervised.service))).done


async def test_another_number_than_was_planned_from(supervised: Supervised) -> None:
    effect = await raise_(action(supervised.service, before=100, after=200))
    assert not effect.done
    assert effect.found == "max_connections is 12, not 100, as when this was planned"
    with pytest.raises(ApplicationError, match="10 connections are not more than 12"):
        await raise_(action(supervised.service, after=10))


async def test_what_cannot_be_restarted_is_not_set(supervised: Supervised, tmp_path: Path) -> None:
    manager = supervised.service.manager.model_copy(update={"socket": f"{tmp_path}/none.sock"})
    service = supervised.service.model_copy(update={"manager": manager})
    effect = await raise_(action(service), within=timedelta(seconds=1))
    assert not effect.done
    assert "none.sock does not exist" in effect.found
    assert "max_connections" not in (supervised.data / "postgresql.auto.conf").read_text()


async def test_a_server_that_does_not_come_back_is_told_with_its_cure(supervised: Supervised) -> None:
    with (supervised.data / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = nonsense\n")
    cure = "connection refused at .*; if it does not start any more, take max_connections out of"
    with pytest.raises(ApplicationError, match=cure) as lost:
        await raise_(action(supervised.service), within=timedelta(seconds=2))
    assert lost.value.type == "OutcomeLost"
    assert lost.value.non_retryable


async def test_a_command_line_wins_and_is_said_so(
    postgres_server: PostgresServer, start_supervisord: StartSupervisord, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(postgres_server.url())
    database = Database(url=SecretRef(file=str(tmp_path / "url")))
    service = start_supervisord(db=SLEEPS).service("db", database=database)
    with pytest.raises(ApplicationError, match="on the command line of the server") as refused:
        await raise_(action(service, before=MAX_CONNECTIONS))
    assert refused.value.type == "Unsupported"
