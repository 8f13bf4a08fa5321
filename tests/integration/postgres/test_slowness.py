"""What is slow in a real PostgreSQL, and what renews its statistics."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.postgres.analyze import AnalyzeActivities
from activities.postgres.slowness import SlownessActivities
from activities.postgres.slowness_seen import LookAtSlowness, SlownessSeen
from models.actions.change import ActionResult, Perform
from models.actions.database import AnalyzeTables, TableStatistics
from models.service.secret import SecretRef
from models.service.service import Database, DockerManager, Service
from tests.parts.servers.postgres_server import PostgresServer
from tests.parts.servers.sockets import closed_port

BY_VISITOR = "SELECT n, (SELECT count(*) FROM visits v WHERE v.visitor = n * 7) FROM generate_series(1, 9) n"
JOINED = (
    "SELECT count(*) FROM jobs JOIN steps ON jobs.id = steps.id WHERE jobs.state = 'x' AND steps.state = 'x'"
)
ROWS = 60_000
COUNT_NOW = "SELECT pg_stat_force_next_flush()"
"""What a session has written is otherwise counted up to a second later, as if done after an ANALYZE."""


@pytest.fixture
async def owner(postgres_server: PostgresServer, as_superuser: asyncpg.Connection) -> AsyncIterator[str]:
    """The connection string of the owner of a database of its own, with a large table and two stale ones."""
    name, password = f"owner_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    await as_superuser.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE pg_monitor")
    await as_superuser.execute(f"CREATE DATABASE {name} OWNER {name}")
    url = postgres_server.url(name, password, name)
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE visits (id serial PRIMARY KEY, visitor int, page text);"
        f"INSERT INTO visits (visitor, page) SELECT n % 5000, 'a page' FROM generate_series(1, {ROWS}) n"
    )
    await connection.execute(COUNT_NOW)
    await connection.execute("ANALYZE visits")
    for table in ("jobs", "steps"):
        await connection.execute(
            f"CREATE TABLE {table} (id int, state text) WITH (autovacuum_enabled = off);"
            f"INSERT INTO {table} SELECT n, 'new' FROM generate_series(1, 20) n"
        )
        await connection.execute(COUNT_NOW)
        await connection.execute(f"ANALYZE {table}")
        await connection.execute(f"INSERT INTO {table} SELECT n, 'x' FROM generate_series(21, 1500) n")
    await connection.close()
    yield url
    await as_superuser.execute(f"DROP DATABASE {name} (FORCE)")
    await as_superuser.execute(f"DROP ROLE {name}")


@contextlib.asynccontextmanager
async def running(url: str, *statements: str, application: str = "shop") -> AsyncIterator[None]:
    """Each statement again and again, in a session of its own."""

    async def again(statement: str) -> None:
        connection = await asyncpg.connect(url, server_settings={"application_name": application})
        try:
            while True:
                await connection.fetch(statement)
        finally:
            connection.terminate()

    tasks = [asyncio.create_task(again(statement)) for statement in statements]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def behind(secret: Path, url: str, **limits: object) -> Service:
    secret.write_text(url)
    fields = {"url": SecretRef(file=str(secret)), "large_table": ROWS // 2, **limits}
    database = Database.model_validate(fields)
    return Service(name="postgres", manager=DockerManager(container="postgres"), database=database)


async def look(service: Service, slower_than: float = 0.02, sample_for: float = 2.0) -> SlownessSeen:
    request = LookAtSlowness(
        service=service,
        slower_than=timedelta(seconds=slower_than),
        sample_for=timedelta(seconds=sample_for),
    )
    seen = await ActivityEnvironment().run(SlownessActivities().look_at_slowness, request)
    assert seen.observed_at is not None
    return seen


async def analyze(service: Service, *tables: TableStatistics) -> ActionResult:
    action = AnalyzeTables(service=service, tables=tables)
    order: Perform[AnalyzeTables] = Perform(action=action, asked_at=datetime.now(UTC))
    return await ActivityEnvironment().run(AnalyzeActivities().analyze_tables, order)


async def as_it_is(url: str, name: str) -> TableStatistics:
    """The table as a plan would have seen it."""
    connection = await asyncpg.connect(url)
    at = await connection.fetchval("SELECT last_analyze FROM pg_stat_user_tables WHERE relname = $1", name)
    await connection.close()
    return TableStatistics(table_schema="public", name=name, analyzed_at=at)


async def test_the_index_that_is_missing_is_suggested_and_not_made(owner: str, secret: Path) -> None:
    async with running(owner, BY_VISITOR):
        seen = await look(behind(secret, owner), slower_than=0.003)
    assert seen.bad
    assert [one.create for one in seen.missing] == ["CREATE INDEX CONCURRENTLY ON public.visits (visitor)"]
    (scan,) = seen.scans
    assert (scan.table, scan.rows) == ("public.visits", ROWS)
    assert scan.scans >= 9
    (statement,) = seen.statements
    assert statement.application == "shop"
    assert statement.executions > 1
    assert seen.repeated == seen.statements
    assert "n * 7" not in seen.model_dump_json()
    assert seen.stale == (), "what was analyzed is not stale"
    connection = await asyncpg.connect(owner)
    indexes = await connection.fetchval("SELECT count(*) FROM pg_indexes WHERE tablename = 'visits'")
    await connection.close()
    assert indexes == 1


async def test_statistics_that_are_out_of_date_are_named_and_renewed(owner: str, secret: Path) -> None:
    service = behind(secret, owner)
    async with running(owner, JOINED):
        seen = await look(service)
    assert {one.full for one in seen.stale} == {"public.jobs", "public.steps"}
    assert {one.changed for one in seen.stale} == {1480}
    assert seen.missing == ()
    done = await analyze(service, *seen.stale)
    assert done.done
    assert (
        done.found == "new statistics of public.jobs, public.steps"
        or "public.steps, public.jobs" in done.found
    )
    async with running(owner, JOINED):
        later = await look(service, slower_than=0.1)
    assert (later.statements, later.stale) == ((), ())
    again = await analyze(service, *seen.stale)
    assert again.done, "what was analyzed since it was seen is done"


async def test_only_tables_that_slow_statements_use_count(owner: str, secret: Path) -> None:
    async with running(owner, BY_VISITOR):
        seen = await look(behind(secret, owner))
    assert seen.stale == ()


async def test_a_table_that_is_locked_is_left(owner: str, secret: Path) -> None:
    jobs, holder = await as_it_is(owner, "jobs"), await asyncpg.connect(owner)
    try:
        await holder.execute("BEGIN; LOCK TABLE jobs IN SHARE UPDATE EXCLUSIVE MODE")
        done = await analyze(behind(secret, owner), jobs)
    finally:
        await holder.close()
    assert not done.done
    assert "lock not available" in done.found


async def test_a_role_that_may_not_is_told_and_nothing_is_claimed(
    owner: str, postgres_server: PostgresServer, app_role: tuple[str, str], secret: Path
) -> None:
    name = owner.rpartition("/")[2]
    service = behind(secret, postgres_server.url(*app_role, name))
    done = await analyze(service, await as_it_is(owner, "jobs"))
    assert not done.done
    assert "GRANT MAINTAIN" in done.found
    assert (await look(service)).reason.endswith("GRANT pg_monitor to it")


async def test_a_table_that_is_gone_was_not_analyzed(owner: str, secret: Path) -> None:
    gone = TableStatistics(table_schema="public", name='gone"; DROP TABLE jobs; --')
    done = await analyze(behind(secret, owner), gone)
    assert not done.done
    assert "does not exist" in done.found
    assert (await analyze(behind(secret, owner), await as_it_is(owner, "jobs"))).done


async def test_a_database_that_is_away_is_unknown_here_and_the_action_fails(secret: Path) -> None:
    service = behind(secret, f"postgresql://a:b@127.0.0.1:{closed_port()}/a")
    seen = await look(service)
    assert seen.unknown
    assert "refused" in seen.reason
    with pytest.raises(ApplicationError, match="refused"):
        await analyze(service, TableStatistics(table_schema="public", name="jobs"))


@pytest.mark.parametrize(
    "statement", ["SELECT pg_sleep(30)", "SELECT pg_advisory_lock(7)", "COPY visits TO STDOUT"]
)
async def test_what_waits_on_purpose_or_works_on_the_database_is_no_slow_statement(
    owner: str, secret: Path, statement: str
) -> None:
    holder = await asyncpg.connect(owner)
    await holder.execute("SELECT pg_advisory_lock(7)")
    if statement.startswith("COPY"):
        statement = "CREATE TABLE copied AS SELECT a.* FROM visits a, generate_series(1, 400)"
    async with running(owner, statement):
        seen = await look(behind(secret, owner), sample_for=1)
    await holder.close()
    assert seen.ok
    assert seen.statements == ()
    assert bool(seen.jobs) is statement.startswith("CREATE")


async def test_one_long_report_is_told_apart(owner: str, secret: Path) -> None:
    report = "SELECT count(*) FROM visits a, visits b WHERE a.page < b.page"
    async with running(owner, report, application="reports"):
        seen = await look(behind(secret, owner))
    assert seen.repeated == ()
    assert seen.statements[0].application == "reports"


async def test_only_statements_of_the_application_count(owner: str, secret: Path) -> None:
    async with running(owner, BY_VISITOR):
        seen = await look(behind(secret, owner, role="somebody"))
    assert seen.statements == ()


async def test_who_waits_for_a_lock_is_told_with_the_one_who_has_it(owner: str, secret: Path) -> None:
    holder = await asyncpg.connect(owner)
    await holder.execute("BEGIN; LOCK TABLE jobs")
    pid = holder.get_server_pid()
    async with running(owner, "UPDATE jobs SET state = 'y' WHERE id = 1"):
        seen = await look(behind(secret, owner), sample_for=1)
    await holder.close()
    assert [one.waits_for for one in seen.blocked] == [(pid,)]


async def test_a_partitioned_table_that_was_never_analyzed_is_found(owner: str, secret: Path) -> None:
    connection = await asyncpg.connect(owner)
    await connection.execute(
        "CREATE TABLE events (id int, at int) PARTITION BY RANGE (at);"
        "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);"
        "INSERT INTO events SELECT n, n % 10 FROM generate_series(1, 20000) n"
    )
    await connection.execute(COUNT_NOW)
    await connection.execute("ANALYZE events_1")
    await connection.close()
    service = behind(secret, owner)
    async with running(owner, "SELECT count(*) FROM events a JOIN events b USING (at) WHERE a.id < 900"):
        seen = await look(service)
    assert [one.full for one in seen.stale] == ["public.events"]
    assert seen.stale[0].rows == 20000
    assert (await analyze(service, *seen.stale)).done
    too_small = behind(secret, owner, analyze_up_to=1024)
    async with running(owner, JOINED):
        assert (await look(too_small)).stale == ()


async def test_after_a_restore_a_table_with_indexes_is_still_without_statistics(
    owner: str, secret: Path
) -> None:
    """An index that is built afterwards counts the rows, so that their number is known."""
    connection = await asyncpg.connect(owner)
    await connection.execute(
        "CREATE TABLE restored (id int, kind text) WITH (autovacuum_enabled = off);"
        "INSERT INTO restored SELECT n, 'k' FROM generate_series(1, 20000) n; CREATE INDEX ON restored (id)"
    )
    await connection.close()
    async with running(
        owner, "SELECT count(*) FROM restored a JOIN restored b USING (kind) WHERE a.id < 300"
    ):
        seen = await look(behind(secret, owner))
    assert [one.full for one in seen.stale] == ["public.restored"]
    assert seen.stale[0].analyzed_at is None


async def test_counters_that_were_reset_make_no_statistics_old(
    owner: str, secret: Path, postgres_server: PostgresServer
) -> None:
    """As after a crash, or by hand: when it was analyzed is forgotten, and what that found is not. Its
    TOAST table, which nobody can analyze, is no table of the application."""
    connection = await asyncpg.connect(postgres_server.url(database=owner.rpartition("/")[2]))
    await connection.execute("ANALYZE visits; SELECT pg_stat_reset()")
    analyzed = (
        "SELECT greatest(last_analyze, last_autoanalyze) FROM pg_stat_user_tables WHERE relname = 'visits'"
    )
    assert await connection.fetchval(analyzed) is None
    await connection.close()
    async with running(owner, BY_VISITOR):
        seen = await look(behind(secret, owner))
    assert "public.visits" in {table for one in seen.statements for table in one.tables}
    assert seen.stale == ()


async def test_statements_that_are_counted_are_known_by_their_mean(secret: Path) -> None:
    """The extension stands in a schema of its own, which is in nobody's search path."""
    with tempfile.TemporaryDirectory(prefix="runbooks-postgres-") as directory:
        server = PostgresServer(Path(directory))
        server.create()
        server.start()
        try:
            first = await asyncpg.connect(server.url())
            await first.execute("CREATE SCHEMA dba")
            await first.execute("CREATE EXTENSION pg_stat_statements SCHEMA dba")
            service = behind(secret, server.url())
            assert (await look(service, sample_for=0.2)).ok, "it is there, and not loaded"
            await first.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
            await first.close()
            server.stop()
            server.start()
            counting = "SELECT count(*) FROM generate_series(1, 300000) WHERE $$x$$ = 'x'"
            async with running(server.url(), counting):
                await look(service, sample_for=0.5)  # what is counted for the first time says nothing yet
                seen = await look(service, slower_than=0.005)
        finally:
            server.stop()
    means = [one for one in seen.statements if one.mean is not None]
    assert [one.text for one in means] == ["SELECT count(*) FROM generate_series(?) WHERE $3 = $4"]
    assert means[0].mean is not None and means[0].mean > 0.005
    assert seen.repeated
