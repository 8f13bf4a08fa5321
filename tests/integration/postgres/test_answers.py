"""What PostgreSQL and the poolers before it say instead of an answer, over their real protocol."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from models.actions.database import Session
from models.evidence.evidence import Finding
from tests.integration.postgres.test_check import check
from tests.integration.postgres.test_sessions import behind, look, terminate
from tests.parts.servers.postgres_server import MAX_CONNECTIONS, PostgresServer
from tests.parts.servers.refusing_postgres import pgbouncer, refusing

BAD, UNKNOWN = Finding.BAD, Finding.UNKNOWN
K = DatabaseKind
NOBODY = Session(pid=1, backend_start=datetime(2026, 1, 1, tzinfo=UTC))

SAID = {
    "it starts": ("57P03", "the database system is starting up", BAD, K.RECOVERING),
    "it shuts down": ("57P03", "the database system is shutting down", BAD, K.RECOVERING),
    "it recovers from a crash": ("57P03", "the database system is in recovery mode", BAD, K.RECOVERING),
    "a standby before its consistent state": (
        "57P03",
        "the database system is not yet accepting connections",
        BAD,
        K.RECOVERING,
    ),
    "a standby that takes no reader": (
        "57P03",
        "the database system is not accepting connections",
        BAD,
        K.RECOVERING,
    ),
    "a pooler passes on that it starts": ("08P01", "the database system is starting up", BAD, K.RECOVERING),
    "another backend crashed": (
        "57P02",
        "terminating connection because of crash of another server process",
        BAD,
        K.RECOVERING,
    ),
    "no slot is left": ("53300", "sorry, too many clients already", BAD, K.TOO_MANY_CONNECTIONS),
    "the role is at its limit": (
        "53300",
        'too many connections for role "app"',
        BAD,
        K.TOO_MANY_CONNECTIONS,
    ),
    "no entry in pg_hba, encrypted": (
        "28000",
        'no pg_hba.conf entry for host "10.0.0.7", user "me", database "app", SSL encryption',
        UNKNOWN,
        K.NOT_ADMITTED,
    ),
    "no entry in pg_hba without TLS": (
        "28000",
        'no pg_hba.conf entry for host "10.0.0.7", user "me", database "app", no encryption',
        UNKNOWN,
        K.NOT_ADMITTED,
    ),
    "somebody closed the database": (
        "55000",
        'database "app" is not currently accepting connections',
        BAD,
        K.NOT_ADMITTED,
    ),
    "a drop was interrupted": ("55000", 'cannot connect to invalid database "app"', BAD, K.NOT_ADMITTED),
    "our password": ("28P01", 'password authentication failed for user "me"', UNKNOWN, K.WRONG_CREDENTIALS),
    "no such role": ("28000", 'role "me" does not exist', UNKNOWN, K.WRONG_CREDENTIALS),
    "the role may not log in": (
        "28000",
        'role "me" is not permitted to log in',
        UNKNOWN,
        K.WRONG_CREDENTIALS,
    ),
    "no such database": ("3D000", 'database "app" does not exist', UNKNOWN, K.NO_SUCH_DATABASE),
    "wraparound": (
        "54000",
        "database is not accepting commands that assign new transaction IDs to avoid wraparound data loss"
        ' in database "app"',
        BAD,
        K.WRAPAROUND,
    ),
    "its disk is full": ("53100", "could not write init file", BAD, K.DISK_FULL),
    "its memory is used up": ("53200", "out of memory", BAD, K.OUT_OF_MEMORY),
    "a damaged page": ("XX001", "invalid page in block 3 of relation base/5/1259", BAD, K.DAMAGED),
    "a file is gone": ("58P01", 'could not open file "global/pg_filenode.map"', BAD, K.DAMAGED),
    "an administrator ended our session": (
        "57P01",
        "terminating connection due to administrator command",
        UNKNOWN,
        K.FAILED,
    ),
    "our statement took too long": (
        "57014",
        "canceling statement due to statement timeout",
        UNKNOWN,
        K.FAILED,
    ),
    "a prepared statement under a pooler": (
        "42P05",
        'prepared statement "__asyncpg_stmt_1__" already exists',
        UNKNOWN,
        K.FAILED,
    ),
    "Supavisor is full": (
        "XX000",
        "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
        BAD,
        K.POOLER,
    ),
    "Supavisor knows no such project": ("XX000", "Tenant or user not found", UNKNOWN, K.POOLER),
    "pgcat finds no server": (
        "58000",
        "could not get connection from the pool - AllServersDown",
        BAD,
        K.POOLER,
    ),
    "RDS Proxy lends no connection": (
        "53300",
        "Timed-out waiting to acquire database connection",
        BAD,
        K.POOLER,
    ),
    "RDS Proxy has no secret of the role": (
        "28000",
        "This RDS proxy has no credentials for the role me.",
        UNKNOWN,
        K.POOLER,
    ),
    "a provider's proxy wants TLS": (
        "08P01",
        "connection is insecure (try using `sslmode=require`)",
        UNKNOWN,
        K.NOT_ADMITTED,
    ),
    "RDS Proxy wants TLS": ("28000", "This RDS Proxy requires TLS connections", UNKNOWN, K.NOT_ADMITTED),
    "PgBouncer lost its server": ("08P01", "server conn crashed?", BAD, K.POOLER),
    "behind PgBouncer the database was dropped": (
        "08P01",
        'server login failed: FATAL database "app" does not exist',
        BAD,
        K.POOLER,
    ),
    "PgBouncer cannot log in": (
        "08P01",
        "server login has been failing, try again later (server_login_retry)",
        BAD,
        K.POOLER,
    ),
    "an error that nobody foresaw": ("XX000", "cache lookup failed for type 0", BAD, K.FAILED),
}


@pytest.mark.parametrize(("code", "words", "finding", "kind"), SAID.values(), ids=SAID)
async def test_what_is_said_is_told_apart(
    secret: Path, code: str, words: str, finding: Finding, kind: DatabaseKind
) -> None:
    async with refusing(code, words) as url:
        seen = await check(secret, url)
    assert (seen.finding, seen.kind) == (finding, kind), seen.reason
    assert words[:60] in seen.reason
    assert "s3cret" not in seen.reason


async def test_the_detail_tells_why_a_standby_takes_nobody(secret: Path) -> None:
    words = "the database system is not accepting connections"
    async with refusing("57P03", words, "Hot standby mode is disabled.") as url:
        assert "Hot standby mode is disabled" in (await check(secret, url)).reason


async def test_without_tls_and_without_an_entry_are_cured_differently(secret: Path) -> None:
    said = {
        "no encryption": "sslmode=require",
        "SSL off": "sslmode=require",
        "SSL encryption": "add an entry",
    }
    for words, cure in said.items():
        async with refusing("28000", f'no pg_hba.conf entry for host "::1", {words}') as url:
            assert cure in (await check(secret, url)).reason


async def through(secret: Path, port: int, server: PostgresServer, extra: str = "") -> DatabaseSeen:
    return await check(secret, f"postgresql://postgres:{server.password}@127.0.0.1:{port}/postgres{extra}")


async def test_a_pooler_in_between_is_no_trouble(secret: Path, postgres_server: PostgresServer) -> None:
    """Transaction pooling gives each statement another server, so nothing may be prepared."""
    users = {"postgres": postgres_server.password}
    with pgbouncer(postgres_server.port, users, default_pool_size=2) as port:
        for _ in range(3):
            assert (await through(secret, port, postgres_server)).ok


async def test_a_pooler_without_room_for_clients(secret: Path, postgres_server: PostgresServer) -> None:
    users = {"postgres": postgres_server.password}
    with pgbouncer(postgres_server.port, users, max_client_conn=1) as port:
        first = await asyncpg.connect(f"postgresql://postgres:{users['postgres']}@127.0.0.1:{port}/postgres")
        try:
            seen = await through(secret, port, postgres_server)
        finally:
            await first.close()
    assert (seen.finding, seen.kind) == (BAD, K.POOLER), seen.reason


async def test_a_pooler_whose_connections_are_all_in_use(
    secret: Path, postgres_server: PostgresServer
) -> None:
    users = {"postgres": postgres_server.password}
    with pgbouncer(postgres_server.port, users, default_pool_size=1, query_wait_timeout=1) as port:
        first = await asyncpg.connect(
            f"postgresql://postgres:{users['postgres']}@127.0.0.1:{port}/postgres", statement_cache_size=0
        )
        try:
            await first.execute("BEGIN")
            seen = await through(secret, port, postgres_server)
        finally:
            await first.close()
    assert (seen.finding, seen.kind) == (BAD, K.POOLER), seen.reason
    assert "query_wait_timeout" in seen.reason


async def test_a_pooler_that_refuses_our_password_or_parameter(
    secret: Path, postgres_server: PostgresServer
) -> None:
    users = {"postgres": postgres_server.password}
    with pgbouncer(postgres_server.port, users) as port:
        wrong = await check(secret, f"postgresql://postgres:n0t-it@127.0.0.1:{port}/postgres")
        strange = await through(secret, port, postgres_server, "?options=-c%20jit%3Doff")
    assert (wrong.finding, wrong.kind) == (UNKNOWN, K.WRONG_CREDENTIALS), wrong.reason
    assert strange.unknown, strange.reason


async def test_the_database_behind_a_pooler_starts(secret: Path) -> None:
    async with refusing("57P03", "the database system is starting up") as url:
        server = int(url.rsplit(":", 1)[1].split("/")[0])
        with pgbouncer(server, {"me": "s3cret"}, query_wait_timeout=3) as port:
            seen = await check(secret, f"postgresql://me:s3cret@127.0.0.1:{port}/app")
    assert (seen.finding, seen.kind) == (BAD, K.RECOVERING), seen.reason


async def test_a_pooler_that_gives_each_statement_another_server_is_counted_through(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """What is parsed on one server is not known to the next, unless both are one transaction."""
    users = {"postgres": postgres_server.password}
    with pgbouncer(postgres_server.port, users, default_pool_size=3, server_round_robin=1) as port:
        url = f"postgresql://postgres:{users['postgres']}@127.0.0.1:{port}/postgres"
        for one in (clients := [await asyncpg.connect(url, statement_cache_size=0) for _ in range(3)]):
            await one.execute("BEGIN")
        for one in clients:
            await one.execute("COMMIT")
        for _ in range(3):
            seen = await look(behind(tmp_path / "pooled", url))
            assert (seen.ok, seen.max_connections) == (True, MAX_CONNECTIONS), seen.reason
        effect = await terminate(behind(tmp_path / "pooled", url), NOBODY)
        assert effect.found == "1 of 1 planned sessions are gone"
        for one in clients:
            await one.close()
