"""Sessions of a real PostgreSQL: counted, told apart, and ended one by one."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.postgres.database_seen import DatabaseKind
from activities.postgres.room import Limit, Room, UnusedSlot
from activities.postgres.sessions import LookAtSessions, SessionActivities, SessionGroup, SessionsSeen
from models.actions.change import ActionResult, Perform
from models.actions.database import Session, TerminateSessions
from models.evidence.evidence import Finding
from models.service.secret import SecretRef
from models.service.service import Database, DockerManager, Service
from tests.parts.servers.postgres_server import MAX_CONNECTIONS, RESERVED, PostgresServer
from tests.parts.servers.sockets import closed_port

AT_ONCE = timedelta()
App = tuple[str, str]


@pytest.fixture
async def monitor(
    postgres_server: PostgresServer, as_superuser: asyncpg.Connection, tmp_path: Path
) -> AsyncIterator[Service]:
    """The database as a role sees it that may look at everything, and change nothing."""
    name, password = f"monitor_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    await as_superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE pg_monitor")
    yield behind(tmp_path / "monitor", postgres_server.url(name, password))
    await as_superuser.execute(f"DROP ROLE {name}")


def behind(secret: Path, url: str) -> Service:
    secret.write_text(url)
    database = Database(url=SecretRef(file=str(secret)))
    return Service(name="postgres", manager=DockerManager(container="postgres"), database=database)


@pytest.fixture
async def app(postgres_server: PostgresServer, app_role: App) -> AsyncIterator[contextlib.AsyncExitStack]:
    async with contextlib.AsyncExitStack() as stack:
        yield stack


async def connect(
    server: PostgresServer, role: App, stack: contextlib.AsyncExitStack, application: str = "app"
) -> asyncpg.Connection:
    settings = {"application_name": application}
    connection = await asyncpg.connect(server.url(*role), server_settings=settings)
    stack.push_async_callback(connection.close, timeout=5)
    return connection


async def look(
    service: Service,
    idle_longer_than: timedelta = AT_ONCE,
    runs_longer_than: timedelta = AT_ONCE,
    application: str | None = None,
) -> SessionsSeen:
    request = LookAtSessions(
        service=service,
        idle_longer_than=idle_longer_than,
        runs_longer_than=runs_longer_than,
        application=application,
    )
    seen = await ActivityEnvironment().run(SessionActivities().look_at_sessions, request)
    assert seen.observed_at is not None
    return seen


async def test_sessions_are_counted_by_application_and_state(
    postgres_server: PostgresServer, monitor: Service, app_role: App, app: contextlib.AsyncExitStack
) -> None:
    others = (await look(monitor)).used
    for _ in range(3):
        await connect(postgres_server, app_role, app, "checkout")
    in_transaction = await connect(postgres_server, app_role, app, "reports")
    await in_transaction.execute("BEGIN; SELECT 'password=hunter2hunter2'")

    seen = await look(monitor)
    assert (seen.kind, seen.max_connections, seen.reserved) == (
        DatabaseKind.HEALTHY,
        MAX_CONNECTIONS,
        RESERVED,
    )
    role = app_role[0]
    assert SessionGroup(application="checkout", user=role, state="idle", count=3) in seen.groups
    assert SessionGroup(application="reports", user=role, state="idle in transaction", count=1) in seen.groups
    assert seen.used == sum(group.count for group in seen.groups) == others + 4, "ours is not counted"
    assert seen.free == MAX_CONNECTIONS - RESERVED - seen.used
    told = f"{seen.used} of {MAX_CONNECTIONS} connections are used, {seen.free} are free"
    assert (seen.finding, seen.reason) == (Finding.OK, told)
    assert "hunter2" not in seen.model_dump_json()

    only = await look(monitor, application="checkout")
    assert {one.application for one in only.idle} == {"checkout"}
    assert len(only.idle) == 3
    assert (await look(monitor, idle_longer_than=timedelta(hours=1))).idle == ()


async def test_it_is_bad_when_connections_run_out(
    postgres_server: PostgresServer,
    monitor: Service,
    as_superuser: asyncpg.Connection,
    app_role: App,
    app: contextlib.AsyncExitStack,
) -> None:
    while (await look(monitor)).free > 1:
        await connect(postgres_server, app_role, app)
    seen = await look(monitor)
    assert seen.bad
    assert seen.reason.startswith("8 of 12 connections are used, 1 are free; most by app as ")
    assert not seen.exhausted


async def test_who_blocks_whom_is_told(
    postgres_server: PostgresServer,
    monitor: Service,
    as_superuser: asyncpg.Connection,
    app_role: App,
    app: contextlib.AsyncExitStack,
) -> None:
    await as_superuser.execute("CREATE TABLE stock (item int); INSERT INTO stock VALUES (1)")
    await as_superuser.execute(f"GRANT ALL ON stock TO {app_role[0]}")
    try:
        holder = await connect(postgres_server, app_role, app, "holder")
        await holder.execute("BEGIN; LOCK TABLE stock")
        waiting = []
        for statement in ("UPDATE stock SET item = 2", "BEGIN; LOCK TABLE stock; COMMIT"):
            waiter = await connect(postgres_server, app_role, app, "waiter")
            waiting.append(asyncio.ensure_future(waiter.execute(statement)))
            async with asyncio.timeout(60):
                while len((seen := await look(monitor)).blocked) < len(waiting):
                    pass
        assert [one.application for one in seen.blockers] == ["holder"], (
            "a waiter in the queue blocks as well, but is not its head"
        )
        assert {one.application for one in seen.blocked} == {"waiter"}
        assert "UPDATE stock SET item = 2" in {one.query for one in seen.long_running}
        head = seen.blockers[0].pid
        assert any(head in one.waits_for for one in seen.blocked)
        assert seen.bad
        assert seen.reason == f"2 sessions wait for a lock, for over 0 s held by {head}"
        await holder.execute("ROLLBACK")
        await asyncio.gather(*waiting)
    finally:
        await app.aclose()  # a session that holds or awaits the lock would keep the table
        await as_superuser.execute("DROP TABLE stock")
    assert (await look(monitor)).ok


async def test_a_lock_held_for_long_is_bad_though_nobody_waits_for_long(
    postgres_server: PostgresServer,
    monitor: Service,
    as_superuser: asyncpg.Connection,
    app_role: App,
    app: contextlib.AsyncExitStack,
) -> None:
    """An application that gives up after a second never waits for long, and is stuck all the same."""
    limit = timedelta(seconds=1)
    await as_superuser.execute("CREATE TABLE prices (item int)")
    await as_superuser.execute(f"GRANT ALL ON prices TO {app_role[0]}")
    try:
        holder = await connect(postgres_server, app_role, app, "holder")
        await holder.execute("BEGIN; LOCK TABLE prices")
        held = "SELECT now() - state_change FROM pg_stat_activity WHERE application_name = 'holder'"
        async with asyncio.timeout(60):
            while await as_superuser.fetchval(held) < limit:
                pass
        assert (await look(monitor, runs_longer_than=limit)).ok, "nobody waits for it"
        waiter = await connect(postgres_server, app_role, app, "waiter")
        waiting = asyncio.ensure_future(waiter.execute("SELECT FROM prices"))
        async with asyncio.timeout(60):
            while not (seen := await look(monitor, runs_longer_than=limit)).blocked:
                pass
        assert seen.blocked[0].lasts < limit
        assert seen.bad
        await holder.execute("ROLLBACK")
        await waiting
    finally:
        await app.aclose()
        await as_superuser.execute("DROP TABLE prices")


async def test_a_role_that_sees_only_itself_is_unknown(
    postgres_server: PostgresServer, app_role: App, tmp_path: Path
) -> None:
    """It would count no sessions at all, and call a full database empty."""
    seen = await look(behind(tmp_path / "url", postgres_server.url(*app_role)))
    assert seen.unknown
    assert seen.reason.endswith("sees only its own sessions: GRANT pg_monitor to it")


async def test_the_ways_to_see_nothing_are_those_of_the_database_check(tmp_path: Path) -> None:
    seen = await look(behind(tmp_path / "url", f"postgresql://me:s3cret@127.0.0.1:{closed_port()}/app"))
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.REFUSED)
    unconfigured = Service(name="backend", manager=DockerManager(container="backend"))
    assert (await look(unconfigured)).unknown


async def terminate(service: Service, *sessions: Session, idle: timedelta = AT_ONCE) -> ActionResult:
    action = TerminateSessions(service=service, sessions=sessions, idle_longer_than=idle)
    request = Perform[TerminateSessions](action=action, asked_at=datetime.now(UTC))
    return await ActivityEnvironment().run(SessionActivities().terminate_sessions, request)


async def test_only_the_planned_idle_sessions_are_ended(
    postgres_server: PostgresServer, app_role: App, app: contextlib.AsyncExitStack, tmp_path: Path
) -> None:
    service = behind(tmp_path / "url", postgres_server.url())
    planned = [await connect(postgres_server, app_role, app, "leaky") for _ in range(2)]
    busy = await connect(postgres_server, app_role, app, "leaky")
    later = await connect(postgres_server, app_role, app, "other")
    seen = await look(service, application="leaky")
    sessions = tuple(one.exactly for one in seen.idle)
    assert len(sessions) == 3
    working = asyncio.ensure_future(busy.execute("SELECT pg_sleep(30)"))
    async with asyncio.timeout(60):
        while not any("pg_sleep" in one.query for one in (await look(service)).long_running):
            pass

    effect = await terminate(service, *sessions)
    assert effect.done
    assert effect.found == "2 of 3 planned sessions are gone; 1 stayed, no longer idle for so long"
    for connection in planned:
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await connection.execute("SELECT 1")
    await later.execute("SELECT 1")
    assert not working.done()

    again = await terminate(service, *sessions)
    assert (again.done, again.found) == (True, effect.found), "a lost answer is asked for again"
    assert not working.done()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working


async def test_a_session_under_a_reused_pid_is_another_one(
    postgres_server: PostgresServer, app_role: App, app: contextlib.AsyncExitStack, tmp_path: Path
) -> None:
    service = behind(tmp_path / "url", postgres_server.url())
    connection = await connect(postgres_server, app_role, app, "innocent")
    seen = await look(service, application="innocent")
    before = seen.idle[0].exactly.model_copy(
        update={"backend_start": seen.idle[0].backend_start - timedelta(microseconds=1)}
    )
    effect = await terminate(service, before)
    assert effect.found == "1 of 1 planned sessions are gone"
    too_young = await terminate(service, seen.idle[0].exactly, idle=timedelta(hours=1))
    assert not too_young.done
    await connection.execute("SELECT 1")


async def test_what_is_final_is_raised_with_its_cure(
    postgres_server: PostgresServer,
    as_superuser: asyncpg.Connection,
    monitor: Service,
    app_role: App,
    app: contextlib.AsyncExitStack,
    tmp_path: Path,
) -> None:
    await connect(postgres_server, app_role, app, "guarded")
    seen = await look(monitor, application="guarded")
    with pytest.raises(ApplicationError, match="GRANT pg_signal_backend") as refused:
        await terminate(monitor, seen.idle[0].exactly)
    assert (refused.value.type, refused.value.non_retryable) == ("NotAllowed", True)
    away = behind(tmp_path / "away", f"postgresql://me:s3cret@127.0.0.1:{closed_port()}/app")
    with pytest.raises(ApplicationError) as lost:
        await terminate(away, seen.idle[0].exactly)
    assert (lost.value.type, lost.value.non_retryable) == ("DatabaseAway", True)
    assert "s3cret" not in str(lost.value)


async def test_a_role_at_its_own_limit_is_named(
    postgres_server: PostgresServer,
    as_superuser: asyncpg.Connection,
    monitor: Service,
    app_role: App,
    app: contextlib.AsyncExitStack,
) -> None:
    """A batch role may be held short on purpose: that alone is not bad."""
    await as_superuser.execute(f"ALTER ROLE {app_role[0]} CONNECTION LIMIT 2")
    for _ in range(2):
        await connect(postgres_server, app_role, app)
    with pytest.raises(asyncpg.TooManyConnectionsError, match="too many connections for role"):
        await connect(postgres_server, app_role, app)
    seen = await look(monitor)
    assert seen.limits == (Limit(of="role", name=app_role[0], used=2, allowed=2),)
    assert (seen.ok, seen.exhausted, seen.full) == (True, False, "")
    assert f"the role {app_role[0]} uses 2 of the 2 connections that it may" in seen.reason
    assert [seen.frees(one) for one in seen.idle if one.user == app_role[0]] == [True, True]
    assert not any(seen.frees(one) for one in seen.idle if one.user != app_role[0])


async def test_a_lock_in_another_database_is_no_trouble_of_this_one(
    postgres_server: PostgresServer, as_superuser: asyncpg.Connection, monitor: Service
) -> None:
    await as_superuser.execute("CREATE DATABASE elsewhere")
    other = postgres_server.url(database="elsewhere")
    try:
        holder, waiter = await asyncpg.connect(other), await asyncpg.connect(other)
        await holder.execute("CREATE TABLE stock (item int)")
        await holder.execute("BEGIN; LOCK TABLE stock")
        waiting = asyncio.ensure_future(waiter.execute("SELECT FROM stock"))
        async with asyncio.timeout(60):
            while not (seen := await look(monitor)).elsewhere:
                pass
        assert (seen.ok, seen.blocked, seen.blockers, seen.elsewhere) == (True, (), (), ("elsewhere",))
        assert "sessions wait for locks in other databases of the server: elsewhere" in seen.reason
        there = await look(behind(Path(str(monitor.database and monitor.database.url.file)), other))
        assert there.bad, "for whoever uses that database it is one"
        await holder.execute("ROLLBACK")
        await waiting
        await holder.close()
        await waiter.close()
    finally:
        await as_superuser.execute("DROP DATABASE elsewhere WITH (FORCE)")


async def test_who_waits_for_its_turn_to_lead_is_not_blocked(
    postgres_server: PostgresServer, monitor: Service, app_role: App, app: contextlib.AsyncExitStack
) -> None:
    """One replica leads, by an advisory lock of an idle session; the other waits for it on purpose."""
    leader = await connect(postgres_server, app_role, app, "leader")
    await leader.execute("SELECT pg_advisory_lock(7)")
    standby = await connect(postgres_server, app_role, app, "standby")
    turn = asyncio.ensure_future(standby.execute("SELECT pg_advisory_lock(7)"))
    try:
        async with asyncio.timeout(60):
            while "standby" not in {one.application for one in (await look(monitor)).long_running}:
                pass
        seen = await look(monitor)
        assert (seen.ok, seen.blocked, seen.blockers) == (True, (), ())
    finally:
        await leader.execute("SELECT pg_advisory_unlock(7)")
        await turn


async def test_a_lock_of_a_prepared_transaction_is_told_as_that(
    postgres_server: PostgresServer,
    as_superuser: asyncpg.Connection,
    monitor: Service,
    app_role: App,
    app: contextlib.AsyncExitStack,
) -> None:
    """It belongs to no session, and is there again after a restart."""
    await as_superuser.execute("CREATE TABLE orders (item int)")
    await as_superuser.execute(f"GRANT ALL ON orders TO {app_role[0]}")
    await as_superuser.execute("BEGIN; LOCK TABLE orders; PREPARE TRANSACTION 'forgotten'")
    try:
        waiter = await connect(postgres_server, app_role, app, "waiter")
        waiting = asyncio.ensure_future(waiter.execute("SELECT FROM orders"))
        async with asyncio.timeout(60):
            while not (seen := await look(monitor)).blocked:
                pass
        assert seen.bad
        assert seen.held_by_prepared
        assert seen.reason.endswith("held by a prepared transaction, which no restart ends")
        await as_superuser.execute("ROLLBACK PREPARED 'forgotten'")
        await waiting
    finally:
        await app.aclose()
        await as_superuser.execute("DROP TABLE orders")


async def test_the_sessions_of_the_application_are_told_from_those_of_monitoring(
    postgres_server: PostgresServer,
    as_superuser: asyncpg.Connection,
    monitor: Service,
    app_role: App,
    app: contextlib.AsyncExitStack,
) -> None:
    before = (await look(monitor)).connected
    await connect(postgres_server, app_role, app)
    assert (await look(monitor)).connected == before + 1
    await as_superuser.execute(f"GRANT pg_monitor TO {app_role[0]}")
    assert (await look(monitor)).connected == before


async def test_a_replication_slot_that_nobody_reads_is_known(
    as_superuser: asyncpg.Connection, monitor: Service
) -> None:
    """It keeps WAL until the disk is full, and no clean-up of log files helps."""
    await as_superuser.execute("SELECT pg_create_physical_replication_slot('forgotten', true)")
    try:
        seen = await look(monitor)
        assert [slot.name for slot in seen.slots] == ["forgotten"]
        assert seen.large_slots == ()
    finally:
        await as_superuser.execute("SELECT pg_drop_replication_slot('forgotten')")
    large = Room(slots=(UnusedSlot(name="forgotten", keeps=17 * 2**30),))
    assert large.large_slots == ("the unused replication slot forgotten keeps 17 GiB of WAL",)


def test_transaction_ids_run_out_before_they_are_used_up() -> None:
    assert not Room(ids_left=3_000_000).refuses_writes
    assert Room(ids_left=2_999_999).refuses_writes
