"""The restore drill, with real dumps and real servers."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.drill.drill import Drill, DrillActivities
from activities.drill.restore import NotRestored, statements
from activities.drill.scratch import PREFIX
from demo.parts.postgres_programs import postgres_program
from demo.parts.waiting import until
from models.checks.item import ItemResult, ItemState
from models.configuration.backups import BackupKind, BackupLocation
from models.service.secret import SecretRef
from models.service.service import Service
from tests.integration.backups.conftest import aged, put
from tests.parts.servers.postgres_server import PostgresServer

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    assert list(Path(tempfile.gettempdir()).glob(f"{PREFIX}nightly*")) == []


def location(directory: Path, kind: BackupKind = BackupKind.CUSTOM, **drill: Any) -> BackupLocation:
    programs = str(Path(postgres_program("pg_restore")).parent)
    settings = {"programs": programs, "tables": {"products": 20_000}, **drill}
    return BackupLocation.model_validate(
        {
            "name": "nightly",
            "directory": str(directory),
            "kind": kind,
            "pg_restore": postgres_program("pg_restore"),
            "drill": settings,
        }
    )


async def drilled(where: BackupLocation, *services: Service) -> ItemResult:
    request = Drill(location=where, services=services)
    return await ActivityEnvironment().run(DrillActivities().drill_restore, request)


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("shop.dump", BackupKind.CUSTOM),
        ("shop.sql.gz", BackupKind.PLAIN),
        ("shop.dir", BackupKind.DIRECTORY),
    ],
)
async def test_a_good_backup_is_restored(dumps: Path, tmp_path: Path, file: str, kind: BackupKind) -> None:
    put(dumps / file, tmp_path / file)
    found = await drilled(location(tmp_path, kind))
    assert found.state is ItemState.OK, found.reason
    assert "restored 2 tables in" in found.reason
    figures = {one.name: one.value for one in found.figures}
    assert figures["rows of products"] == 20_000
    assert figures["RPO"] == pytest.approx(3.0, abs=0.1)
    assert figures["RTO"]


async def test_truncated(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "new.dump", size=(dumps / "shop.dump").stat().st_size * 9 // 10)
    found = await drilled(location(tmp_path))
    assert (found.state, found.reason[:41]) == (ItemState.BAD, "not restored: new.dump: it is truncated: ")


async def test_stale(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "old.dump", 30 * HOUR)
    found = await drilled(location(tmp_path))
    assert found.state is ItemState.BAD
    assert "restored 2 tables" in found.reason
    assert "(RPO)" in found.reason
    assert "it is 30 h old" in found.reason


async def test_empty(tmp_path: Path) -> None:
    aged(_touched(tmp_path / "new.dump"), HOUR)
    found = await drilled(location(tmp_path))
    assert (found.state, found.reason) == (ItemState.BAD, "not restored: new.dump: it is empty")


async def test_made_by_a_newer_pg_dump(dumps: Path, tmp_path: Path) -> None:
    content = bytearray((dumps / "shop.dump").read_bytes())
    content[6] += 9  # the minor version of the archive's format
    (tmp_path / "new.dump").write_bytes(content)
    aged(tmp_path / "new.dump", HOUR)
    found = await drilled(location(tmp_path))
    assert found.state is ItemState.UNKNOWN
    assert "newer pg_dump" in found.reason


async def test_missing(tmp_path: Path) -> None:
    found = await drilled(location(tmp_path))
    assert found.state is ItemState.BAD
    assert found.reason.startswith("not restored: no backup: nothing in")


async def test_a_table_and_rows_that_are_not_there(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "new.dump")
    found = await drilled(location(tmp_path, tables={"orders": 1, "videos": 1}))
    assert found.state is ItemState.BAD
    assert "the table orders is missing; videos has 0 rows, fewer than 1" in found.reason


async def test_a_target_that_is_missed(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "new.dump")
    found = await drilled(location(tmp_path, rto="1ms"))
    assert found.state is ItemState.BAD
    assert "longer than the target" in found.reason


async def test_too_little_room(dumps: Path, tmp_path: Path) -> None:
    """Seen before anything is restored: a sparse file that no disk could take."""
    put(dumps / "shop.dir", tmp_path / "new.dir")
    _touched(tmp_path / "new.dir" / "large.dat")
    os.truncate(tmp_path / "new.dir" / "large.dat", 2**43)
    os.utime(tmp_path / "new.dir" / "large.dat", (1_700_000_000, 1_700_000_000))
    found = await drilled(location(tmp_path, BackupKind.DIRECTORY))
    assert found.state is ItemState.UNKNOWN
    assert "and a restore of 8.0 TiB may need 64.0 TiB" in found.reason


async def test_nothing_to_restore_with(dumps: Path, tmp_path: Path) -> None:
    put(dumps / "shop.dump", tmp_path / "new.dump")
    found = await drilled(location(tmp_path, programs="/nowhere"))
    assert found.state is ItemState.UNKNOWN
    assert "initdb of PostgreSQL is not installed here" in found.reason


@pytest.mark.parametrize(
    "hidden",
    [
        "\\! touch {run}\n",
        "SELECT 1 \\! touch {run}\n;\n",
        "SELECT '\nCOPY a FROM stdin;\n'; \\! touch {run}\n",
        "SELECT '\nCOPY a FROM stdin;\n';\n\\! touch {run}\n",
        "SELECT 1 AS x \\gset\n\\unrestrict x\n\\! touch {run}\n",
        "SELECT '\nCOPY a FROM stdin;\n'; \\unrestrict `touch {run}`\n",
    ],
    ids=["alone", "after a statement", "behind text", "taken for rows", "let out first", "in backquotes"],
)
async def test_a_command_of_psql_in_a_dump_is_not_run(dumps: Path, tmp_path: Path, hidden: str) -> None:
    text = (dumps / "shop.sql").read_text()
    command = hidden.format(run=tmp_path / "run")
    (tmp_path / "new.sql").write_text(text.replace("SET ", f"{command}SET ", 1))
    aged(tmp_path / "new.sql", HOUR)
    found = await drilled(location(tmp_path, BackupKind.PLAIN))
    assert found.state is ItemState.UNKNOWN
    assert "command of psql" in found.reason
    assert not (tmp_path / "run").exists()


def test_a_line_of_any_length_is_passed_on_in_pieces(tmp_path: Path) -> None:
    line = b"INSERT INTO t VALUES ('" + b"x" * 2**25 + b"');\n"
    rows = b"COPY t (a) FROM stdin;\n" + b"y" * 2**22 + b"\n\\.\n"
    owner = b"GRANT ALL ON t TO " + b"z" * 100 + b";\n"
    (tmp_path / "long.sql.gz").write_bytes(gzip.compress(line + rows + owner + line, 1))
    _, *pieces = (b"\n".join(statements(tmp_path / "long.sql.gz", 2**30))).partition(b"\n")
    assert b"".join(pieces).replace(b"\n", b"") == (line + rows + line).replace(b"\n", b"")
    assert max(map(len, statements(tmp_path / "long.sql.gz", 2**30))) < 2**22
    with pytest.raises(NotRestored, match=r"raise drill\.room"):
        list(statements(tmp_path / "long.sql.gz", 2**25))


@pytest.mark.parametrize(
    ("line", "times", "memory", "cure"),
    [(b"-" * 2**20 + b"\n", 1100, 2**30, "raise drill.room"), (b"-" * 2**20, 300, 2**28, "raise memory")],
    ids=["many lines", "one line"],
)
async def test_a_dump_that_unpacks_to_far_too_much_is_left(
    dumps: Path, tmp_path: Path, line: bytes, times: int, memory: int, cure: str
) -> None:
    content = (dumps / "shop.sql").read_bytes()
    head, _, rest = content.partition(b"\nSET ")
    with gzip.open(tmp_path / "bomb.sql.gz", "wb", 1) as packed:
        packed.write(head + b"\n")
        for _ in range(times):
            packed.write(line)
        packed.write(b"\nSET " + rest)
    aged(tmp_path / "bomb.sql.gz", HOUR)
    where = location(tmp_path, BackupKind.PLAIN, room=1).model_copy(update={"memory": memory})
    found = await drilled(where)
    assert (found.state, cure in found.reason) == (ItemState.UNKNOWN, True), found.reason


async def dumped(server: PostgresServer, database: str, statements: str, target: Path, *options: str) -> None:
    """A database of its own, dumped and dropped."""
    admin = await asyncpg.connect(server.url())
    await admin.execute(f"CREATE DATABASE {database}")
    try:
        connection = await asyncpg.connect(server.url(database=database))
        await connection.execute(statements)
        await connection.close()
        command = [postgres_program("pg_dump"), "-d", server.url(database=database), *options]
        process = await asyncio.create_subprocess_exec(*command, "-f", str(target))
        assert await process.wait() == 0
    finally:
        await admin.execute(f"DROP DATABASE {database} WITH (FORCE)")
        await admin.close()
    aged(target, HOUR)


OWNED = """
CREATE TABLE products AS SELECT g AS id FROM generate_series(1, 20000) g;
CREATE ROLE drill_owner; ALTER TABLE products OWNER TO drill_owner; GRANT SELECT ON products TO drill_owner;
COMMENT ON EXTENSION plpgsql IS 'by somebody'; COMMENT ON TABLE products IS 'ours';
"""


@pytest.mark.parametrize(("kind", "option"), [(BackupKind.CUSTOM, "-Fc"), (BackupKind.PLAIN, "-Fp")])
async def test_owners_and_comments_that_a_scratch_server_refuses(
    postgres_server: PostgresServer, tmp_path: Path, kind: BackupKind, option: str
) -> None:
    admin = await asyncpg.connect(postgres_server.url())
    try:
        await dumped(postgres_server, "owned", OWNED, tmp_path / "new", option)
    finally:
        await admin.execute("DROP ROLE IF EXISTS drill_owner")
        await admin.close()
    found = await drilled(location(tmp_path, kind))
    assert found.state is ItemState.OK, found.reason


async def test_an_extension_that_only_a_superuser_may_create(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    made = "CREATE EXTENSION pg_freespacemap; CREATE TABLE products AS SELECT generate_series(1, 20000) AS id"
    await dumped(postgres_server, "extended", made, tmp_path / "new", "-Fc")
    found = await drilled(location(tmp_path))
    assert found.state is ItemState.OK, found.reason


async def test_an_extension_that_the_scratch_server_lacks(dumps: Path, tmp_path: Path) -> None:
    text = (dumps / "shop.sql").read_text()
    (tmp_path / "new.sql").write_text(
        text.replace("CREATE TABLE", "CREATE EXTENSION postgis;\nCREATE TABLE", 1)
    )
    aged(tmp_path / "new.sql", HOUR)
    found = await drilled(location(tmp_path, BackupKind.PLAIN))
    assert found.state is ItemState.UNKNOWN
    assert "write one that can, such as one with the same extensions" in found.reason


async def test_rows_without_their_schema(postgres_server: PostgresServer, tmp_path: Path) -> None:
    made = "CREATE TABLE products AS SELECT generate_series(1, 20000) AS id"
    await dumped(postgres_server, "rows_only", made, tmp_path / "new", "-Fc", "--data-only")
    found = await drilled(location(tmp_path))
    assert found.state is ItemState.BAD
    assert "it cannot be restored" in found.reason


async def test_a_dump_of_a_whole_cluster(dumps: Path, tmp_path: Path) -> None:
    text, of = (dumps / "shop.sql").read_text(), "-- PostgreSQL database cluster dump"
    (tmp_path / "new.sql").write_text(f"--\n{of}\n--\n\n{text}\n--\n{of} complete\n--\n\n")
    aged(tmp_path / "new.sql", HOUR)
    found = await drilled(location(tmp_path, BackupKind.PLAIN))
    assert found.state is ItemState.UNKNOWN
    assert "pg_dumpall" in found.reason


# On a server that is configured

MAY = {
    "superuser": ("LOGIN SUPERUSER", "", "is a superuser"),
    "programs": ("LOGIN CREATEDB", "pg_execute_server_program", "may act as pg_execute_server_program"),
    "files": ("LOGIN CREATEDB NOINHERIT", "pg_read_server_files", "may act as pg_read_server_files"),
    "as a superuser": ("LOGIN CREATEDB NOINHERIT", "postgres_like", "may act as postgres_like"),
    "replicates": ("LOGIN CREATEDB REPLICATION", "", "may create roles or replicate"),
    "creates databases": ("LOGIN CREATEDB", "", ""),
}
HOSTILE = """--
-- PostgreSQL database dump
--

CREATE TABLE products AS SELECT generate_series(1, 20000) AS id;
COPY (SELECT 1) TO PROGRAM 'touch {run}';
--
-- PostgreSQL database dump complete
--
"""


@pytest.mark.parametrize("rights", MAY)
async def test_a_dump_runs_no_program_on_the_server_that_it_is_restored_on(
    tmp_path: Path, postgres_server: PostgresServer, rights: str
) -> None:
    """A user who could is refused before anything is restored; for another the server refuses it."""
    run = Path(tempfile.gettempdir()) / f"runbooks-drill-run-{os.getpid()}-{len(rights)}"
    (tmp_path / "new.sql").write_text(HOSTILE.format(run=run))
    aged(tmp_path / "new.sql", HOUR)
    what, member, said = MAY[rights]
    admin = await asyncpg.connect(postgres_server.url())
    try:
        await admin.execute("CREATE ROLE postgres_like SUPERUSER")
        await admin.execute(f"CREATE ROLE drill_user {what} PASSWORD 'drill-user'")
        if member:
            await admin.execute(f"GRANT {member} TO drill_user")
        url = f"postgresql://drill_user:drill-user@127.0.0.1:{postgres_server.port}/postgres"
        found = await drilled(location(tmp_path, BackupKind.PLAIN, server=secret(tmp_path, url)))
        assert not run.exists()
        assert found.state is ItemState.UNKNOWN, found.reason
        expected = f"the user of drill.server {said}, so that" if said else "permission denied"
        assert expected in found.reason
        assert ("CREATE ROLE drill LOGIN CREATEDB" in found.reason) is bool(said)
    finally:
        run.unlink(missing_ok=True)
        await admin.execute("DROP ROLE IF EXISTS drill_user; DROP ROLE postgres_like")
        await admin.close()


def secret(directory: Path, url: str, name: str = "scratch") -> SecretRef:
    """A connection string in a file beside the backups, whose name matches none of them."""
    path = directory.parent / f"{directory.name}-{name}-url"
    path.write_text(url)
    return SecretRef(file=str(path))


async def scratch_databases(server: PostgresServer) -> list[str]:
    connection = await asyncpg.connect(server.url())
    try:
        rows = await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", PREFIX
        )
    finally:
        await connection.close()
    return [row["datname"] for row in rows if row["datname"].startswith(PREFIX)]


async def test_on_a_configured_server(
    dumps: Path, tmp_path: Path, postgres_server: PostgresServer, drill_user: str
) -> None:
    put(dumps / "shop.dump", tmp_path / "new.dump")
    found = await drilled(location(tmp_path, server=secret(tmp_path, drill_user)))
    assert found.state is ItemState.OK, found.reason
    assert await scratch_databases(postgres_server) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.0.0.2", "elsewhere"])
async def test_never_into_production(
    dumps: Path,
    tmp_path: Path,
    postgres_server: PostgresServer,
    host: str,
    request: pytest.FixtureRequest,
) -> None:
    """By the address of its name, and where that differs by what the cluster says that it is."""
    put(dumps / "shop.dump", tmp_path / "new.dump")
    url = postgres_server.url(database="shop")
    if host == "elsewhere":
        url = postgres_server.url()  # reached by another port below
        forwarded = await asyncio.start_server(_to(postgres_server.port), "127.0.0.1", 0)
        request.addfinalizer(forwarded.close)
        port = forwarded.sockets[0].getsockname()[1]
        url = url.replace(f":{postgres_server.port}/", f":{port}/")
    else:
        url = url.replace("127.0.0.1", host)
    shop = Service.model_validate(
        {
            "name": "shop",
            "manager": {"kind": "docker", "container": "shop"},
            "database": {"url": secret(tmp_path, url, "production")},
        }
    )
    found = await drilled(location(tmp_path, server=secret(tmp_path, postgres_server.url())), shop)
    assert found.state is ItemState.UNKNOWN
    assert "refused to restore into a server of production: it" in found.reason
    assert "shop" in found.reason
    assert await scratch_databases(postgres_server) == []


def _to(port: int) -> Any:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection("127.0.0.1", port)

        async def one_way(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            while piece := await source.read(65536):
                target.write(piece)
            target.close()

        await asyncio.gather(one_way(reader, there[1]), one_way(there[0], writer))

    return carry


# A worker that is killed


DRILLING = """
import asyncio, sys
from temporalio.testing import ActivityEnvironment
from activities.drill.drill import Drill, DrillActivities
request = Drill.model_validate_json(sys.stdin.read())
print("drills", flush=True)
asyncio.run(ActivityEnvironment().run(DrillActivities().drill_restore, request))
"""


@pytest.mark.parametrize("own", [True, False])
async def test_a_killed_worker_leaves_nothing_to_the_next_drill(
    dumps: Path,
    tmp_path: Path,
    postgres_server: PostgresServer,
    drill_user: str,
    own: bool,
) -> None:
    text = (dumps / "shop.sql").read_text()
    slow = text.replace(
        "-- PostgreSQL database dump complete", "SELECT pg_sleep(600);\n-- PostgreSQL database dump complete"
    )
    (tmp_path / "new.sql").write_text(slow)
    aged(tmp_path / "new.sql", HOUR)
    more = {} if own else {"server": secret(tmp_path, drill_user)}
    where = location(tmp_path, BackupKind.PLAIN, **more)
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(DRILLING), stdin=asyncio.subprocess.PIPE
    )
    assert worker.stdin
    worker.stdin.write(Drill(location=where).model_dump_json().encode())
    worker.stdin.close()

    async def restores() -> str:
        there = _own_servers() if own else await scratch_databases(postgres_server)
        return "" if there else "no scratch yet"

    await until("the restore is under way", restores, within=60)
    worker.send_signal(signal.SIGKILL)
    await worker.wait()

    async def gone() -> str:
        return "a scratch server runs" if _running() else ""

    await until("its server is gone", gone, within=20)
    (tmp_path / "new.sql").write_text(text)
    aged(tmp_path / "new.sql", HOUR)
    found = await drilled(where)
    assert found.state is ItemState.OK, found.reason
    assert await scratch_databases(postgres_server) == []


def _own_servers() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}nightly*/data/postmaster.pid"))


def _running() -> list[str]:
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = one.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{tempfile.gettempdir()}/{PREFIX}nightly" in text and "postgres" in text.split(" ")[0]:
            found.append(text)
    return found


def _touched(path: Path) -> Path:
    path.touch()
    return path
