"""The database check against a real PostgreSQL, in every way that it can be in trouble."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.postgres.check import PostgresActivities, WaitForRecovery
from activities.postgres.connection import shown
from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from activities.support.secrets import SecretMissing, resolve
from models.evidence.evidence import Finding
from models.service.secret import SecretRef
from models.service.service import Database, DockerManager, Service
from tests.parts.servers.postgres_server import MAX_CONNECTIONS, PostgresServer
from tests.parts.servers.refusing_postgres import refusing
from tests.parts.servers.sockets import closed_port, hang_up, listening, silence


def behind(secret: Path, url: str, within: timedelta = timedelta(seconds=5)) -> Service:
    """A service whose connection string stands in the file."""
    secret.write_text(url + "\n")
    database = Database(url=SecretRef(file=str(secret)), timeout=within)
    return Service(name="postgres", manager=DockerManager(container="postgres"), database=database)


async def check(secret: Path, url: str, within: timedelta = timedelta(seconds=5)) -> DatabaseSeen:
    environment = ActivityEnvironment()
    seen = await environment.run(PostgresActivities().check_database, behind(secret, url, within))
    assert seen.observed_at is not None
    return seen


async def test_it_answers(secret: Path, postgres_server: PostgresServer) -> None:
    seen = await check(secret, postgres_server.url())
    assert (seen.finding, seen.kind) == (Finding.OK, DatabaseKind.HEALTHY)
    assert seen.reason == f"127.0.0.1:{postgres_server.port}/postgres answers"
    assert seen.latency is not None and seen.latency < 5


CLIENTS = {
    "Prisma": "?schema=public&connection_limit=5&pool_timeout=3&pgbouncer=true&socket_timeout=9"
    "&sslaccept=accept_invalid_certs&sslidentity=client.p12&statement_cache_size=0",
    "libpq": "?connect_timeout=10&channel_binding=prefer&keepalives=1&keepalives_idle=30&gssencmode=prefer"
    "&application_name=shop&tcp_user_timeout=1&target_session_attrs=read-write&sslmode=prefer",
    "JDBC": "?currentSchema=shop&ssl=false&ApplicationName=shop&reWriteBatchedInserts=true&loginTimeout=5",
    "nothing after the question mark": "?",
    "an empty value": "?sslmode=&schema=",
}


@pytest.mark.parametrize("parameters", CLIENTS.values(), ids=CLIENTS)
async def test_what_only_another_client_understands_is_left_out(
    secret: Path, postgres_server: PostgresServer, parameters: str
) -> None:
    seen = await check(secret, postgres_server.url() + parameters)
    assert seen.ok, seen.reason


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql+asyncpg", "postgresql+psycopg2", "jdbc:postgresql"]
)
async def test_the_scheme_of_another_client_will_do(
    secret: Path, postgres_server: PostgresServer, scheme: str
) -> None:
    seen = await check(secret, scheme + postgres_server.url().removeprefix("postgresql"))
    assert seen.ok, seen.reason


async def test_user_and_password_may_be_parameters(secret: Path, postgres_server: PostgresServer) -> None:
    user = f"user=postgres&password={postgres_server.password}"
    seen = await check(secret, f"jdbc:postgresql://127.0.0.1:{postgres_server.port}/postgres?{user}")
    assert seen.ok, seen.reason


async def test_a_password_may_hold_an_at_sign(
    secret: Path, postgres_server: PostgresServer, as_superuser: asyncpg.Connection
) -> None:
    await as_superuser.execute("CREATE ROLE at_sign LOGIN PASSWORD 'p@ss@word'")
    try:
        assert (await check(secret, postgres_server.url("at_sign", "p@ss@word"))).ok
    finally:
        await as_superuser.execute("DROP ROLE at_sign")


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        (
            "?sslmode=verify-ca&sslrootcert=/nowhere/ca.pem",
            "sslrootcert names a file that is not on this machine",
        ),
        ("?ssl=true", "offers no TLS"),
        ("?options=-c%20no_such_setting%3D1", r"no_such_setting.*\(42704\)"),
    ],
)
async def test_what_we_cannot_use_is_unknown(
    secret: Path, postgres_server: PostgresServer, parameters: str, why: str
) -> None:
    seen = await check(secret, postgres_server.url() + parameters)
    assert seen.unknown, seen.reason
    assert re.search(why, seen.reason)


@pytest.fixture
async def outsider(as_superuser: asyncpg.Connection) -> AsyncIterator[str]:
    """A role that may not come in from this machine."""
    rules = Path(await as_superuser.fetchval("SHOW hba_file"))
    before = await asyncio.to_thread(rules.read_text)
    await asyncio.to_thread(rules.write_text, "host all outsider 127.0.0.1/32 reject\n" + before)
    await as_superuser.execute("SELECT pg_reload_conf()")
    yield "outsider"
    await asyncio.to_thread(rules.write_text, before)
    await as_superuser.execute("SELECT pg_reload_conf()")


async def test_a_machine_that_the_server_does_not_admit(
    secret: Path, postgres_server: PostgresServer, outsider: str
) -> None:
    async with asyncio.timeout(60):
        while True:
            seen = await check(secret, postgres_server.url(outsider, "x"))
            if seen.kind is not DatabaseKind.WRONG_CREDENTIALS:  # the rules are in force in a moment
                break
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, DatabaseKind.NOT_ADMITTED)
    assert "pg_hba.conf" in seen.reason


async def test_nobody_listens(secret: Path) -> None:
    port = closed_port()
    seen = await check(secret, f"postgresql://me:s3cret@localhost:{port}/app")
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.REFUSED)
    assert seen.reason == f"connection refused at localhost:{port}/app"


async def test_it_is_hung(secret: Path, postgres_server: PostgresServer) -> None:
    began = time.monotonic()
    with postgres_server.hung():
        seen = await check(secret, postgres_server.url(), within=timedelta(milliseconds=500))
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.TIMED_OUT)
    assert "no answer within 0.5 s" in seen.reason
    assert time.monotonic() - began < 3


async def test_a_firewall_that_swallows_connections_says_nothing_of_the_database(secret: Path) -> None:
    """The kernel takes no more connections than its backlog, and answers no other: as a dropped packet."""
    with socket.socket() as server, contextlib.ExitStack() as waiting:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        url = f"postgresql://me:x@127.0.0.1:{server.getsockname()[1]}/app"
        seen = await check(secret, url, timedelta(milliseconds=300))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, DatabaseKind.NO_ROUTE), seen.reason


async def test_something_that_never_was_a_database_times_out(secret: Path) -> None:
    async with listening(silence) as port:
        seen = await check(secret, f"postgresql://me:x@127.0.0.1:{port}/app", timedelta(milliseconds=300))
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.TIMED_OUT)


async def test_a_connection_that_is_closed_without_an_answer_counts_as_refused(secret: Path) -> None:
    async with listening(hang_up) as port:
        seen = await check(secret, f"postgresql://me:x@127.0.0.1:{port}/app")
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.REFUSED), seen.reason


async def test_no_connection_is_left(
    secret: Path, postgres_server: PostgresServer, app_role: tuple[str, str]
) -> None:
    url = postgres_server.url(*app_role)
    async with contextlib.AsyncExitStack() as held:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            for _ in range(MAX_CONNECTIONS + 1):
                connection = await asyncpg.connect(url)
                held.push_async_callback(connection.close)
        seen = await check(secret, url)
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.TOO_MANY_CONNECTIONS)
    assert seen.reason.startswith("no connection left at ")


async def test_none_is_left_for_the_application_though_we_get_a_reserved_one(
    secret: Path, postgres_server: PostgresServer, app_role: tuple[str, str]
) -> None:
    url = postgres_server.url(*app_role)
    async with contextlib.AsyncExitStack() as held:
        with pytest.raises(asyncpg.TooManyConnectionsError):
            for _ in range(MAX_CONNECTIONS + 1):
                connection = await asyncpg.connect(url)
                held.push_async_callback(connection.close)
        seen = await check(secret, postgres_server.url())
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.TOO_MANY_CONNECTIONS), seen.reason
    assert "9 of 12 connections are used, 3 are reserved" in seen.reason
    assert (await check(secret, postgres_server.url())).ok


async def test_the_database_has_a_limit_of_its_own(
    secret: Path, postgres_server: PostgresServer, as_superuser: asyncpg.Connection, app_role: tuple[str, str]
) -> None:
    await as_superuser.execute("CREATE DATABASE narrow CONNECTION LIMIT 1")
    try:
        first = await asyncpg.connect(postgres_server.url(*app_role, database="narrow"))
        theirs = await check(secret, postgres_server.url(*app_role, database="narrow"))
        ours = await check(secret, postgres_server.url(database="narrow"))
        await first.close()
    finally:
        await as_superuser.execute("DROP DATABASE narrow WITH (FORCE)")
    for seen in (theirs, ours):
        assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.TOO_MANY_CONNECTIONS), seen.reason
    assert "the database narrow uses 1 of the 1 connections that it may" in ours.reason


async def test_wrong_credentials(secret: Path, postgres_server: PostgresServer) -> None:
    """They are ours: whether the application has the right ones, its own log says."""
    seen = await check(secret, postgres_server.url(password="not-the-passw0rd"))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, DatabaseKind.WRONG_CREDENTIALS)
    assert "not-the-passw0rd" not in seen.model_dump_json()
    no_such_role = await check(secret, postgres_server.url(user="nobody_here"))
    assert no_such_role.kind is DatabaseKind.WRONG_CREDENTIALS


async def test_the_disk_is_full(
    secret: Path, postgres_server: PostgresServer, as_superuser: asyncpg.Connection
) -> None:
    """The server's own error 53100, raised at login in a database of its own: nothing is filled up."""
    await as_superuser.execute("CREATE DATABASE full_disk")
    try:
        connection = await asyncpg.connect(postgres_server.url(database="full_disk"))
        await connection.execute("""
            CREATE FUNCTION no_space() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
              RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
            END $$;
            CREATE EVENT TRIGGER at_login ON login EXECUTE FUNCTION no_space();
        """)
        await connection.close()
        seen = await check(secret, postgres_server.url(database="full_disk"))
    finally:
        await as_superuser.execute("DROP DATABASE full_disk WITH (FORCE)")
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.DISK_FULL)
    assert "No space left on device" in seen.reason


async def test_a_database_that_is_not_there(secret: Path, postgres_server: PostgresServer) -> None:
    seen = await check(secret, postgres_server.url(database="no_such_database"))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, DatabaseKind.NO_SUCH_DATABASE)
    assert "(3D000)" in seen.reason


async def test_no_such_host_is_unknown(secret: Path) -> None:
    seen = await check(secret, "postgresql://me:s3cret@no-such-host.invalid/app")
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, DatabaseKind.NO_ROUTE)
    assert seen.reason == "no such host name: no-such-host.invalid/app"


@pytest.mark.parametrize(
    "url",
    [
        "s3cret",
        "mysql://me:s3cret@localhost/app",
        "postgresql://me:12/s3cret@localhost/app",
        "postgresql://me:12?s3cret@localhost/app",
        "postgresql://me:s3cret@[::1/app",
        "postgresql://me:s3cret@localhost:port/app",
        "postgresql://me:s3cret@localhost:1/app?sslmode=s3cret",
    ],
)
async def test_a_broken_connection_string_is_unknown_and_stays_secret(secret: Path, url: str) -> None:
    seen = await check(secret, url)
    assert seen.unknown, seen.reason
    assert "s3cret" not in seen.model_dump_json()


async def test_a_missing_connection_string_names_its_place_and_the_cure(tmp_path: Path) -> None:
    database = Database(url=SecretRef(env="RUNBOOKS_TEST_NO_SUCH_VARIABLE"))
    service = Service(name="postgres", manager=DockerManager(container="postgres"), database=database)
    seen = await ActivityEnvironment().run(PostgresActivities().check_database, service)
    assert (seen.finding, seen.kind, seen.latency) == (Finding.UNKNOWN, DatabaseKind.NOT_CHECKED, None)
    assert "variable RUNBOOKS_TEST_NO_SUCH_VARIABLE is not set: set it" in seen.reason

    for name, content, why in (
        ("absent", None, "No such file"),
        ("empty", b"\n", "is empty"),
        ("binary", b"\xff\xfe", "is not text"),
    ):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SecretMissing, match=why) as missing:
            resolve(SecretRef(file=str(path)))
        assert str(path) in str(missing.value)


async def test_a_service_without_a_database_is_not_checked() -> None:
    service = Service(name="backend", manager=DockerManager(container="backend"))
    seen = await ActivityEnvironment().run(PostgresActivities().check_database, service)
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, DatabaseKind.NOT_CHECKED)


def test_only_what_cannot_be_a_password_is_shown() -> None:
    assert shown("postgres://u:p@db:5432/app?x=1", "db") == "db:5432/app"
    assert shown("postgres://u:p@[::1]/app", "db") == "[::1]/app"
    assert shown("postgres://db/app", "it") == "db/app"
    assert shown("postgres://u:p/a@db/app", "it") == "it"


def recovery(secret: Path, url: str, at_most: timedelta) -> WaitForRecovery:
    return WaitForRecovery(service=behind(secret, url), at_most=at_most)


async def test_it_still_recovers_at_the_end_of_the_wait(secret: Path) -> None:
    async with refusing("57P03", "the database system is in recovery mode") as url:
        request = recovery(secret, url, timedelta(seconds=1))
        waited = await ActivityEnvironment().run(PostgresActivities().wait_for_recovery, request)
    assert waited.bad
    assert "in recovery mode" in waited.last.reason


async def test_it_recovers_while_it_is_waited_for(secret: Path, postgres_server: PostgresServer) -> None:
    async with refusing("57P03", "the database system is starting up") as url:
        request = recovery(secret, url, timedelta(minutes=1))
        work = PostgresActivities().wait_for_recovery
        waiting = asyncio.ensure_future(ActivityEnvironment().run(work, request))
        await asyncio.sleep(0)
        await asyncio.to_thread(secret.write_text, postgres_server.url())
        waited = await waiting
    assert waited.ok
    assert waited.last.reason.endswith("answers")


async def test_what_does_not_listen_yet_is_waited_for_when_it_was_just_started(secret: Path) -> None:
    url, wait = f"postgresql://me:x@127.0.0.1:{closed_port()}/app", PostgresActivities().wait_for_recovery
    request = recovery(secret, url, timedelta(seconds=5)).model_copy(update={"starting": True})
    assert (await ActivityEnvironment().run(wait, request)).bad
    long = recovery(secret, url, timedelta(minutes=1))
    assert (await ActivityEnvironment().run(wait, long)).ok, "nothing to wait for: it is to be looked at"
