"""Dumps that mean harm to the drill that restores them: to its disk, its memory, its time and its word."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from activities.backups.plain import read_plain
from activities.drill.restore import NotRestored, statements
from models.checks.item import ItemResult, ItemState
from models.configuration.backups import BackupKind
from models.configuration.drill import NewestRow
from tests.integration.backups.conftest import aged
from tests.integration.backups.test_drill import drilled, location, scratch_databases, secret
from tests.parts.servers.postgres_server import PostgresServer

BEGIN = b"--\n-- PostgreSQL database dump\n--\n\n"
NAME = "hostile"
"""A drill clears up after another of its name, which may run beside it here."""
END = b"\n--\n-- PostgreSQL database dump complete\n--\n"


def dump(directory: Path, statements: str) -> None:
    (directory / "new.sql").write_bytes(BEGIN + statements.encode() + END)
    aged(directory / "new.sql", timedelta(hours=1))


async def restored(
    directory: Path, statements: str, server: str = "", newest: NewestRow | None = None
) -> ItemResult:
    dump(directory, statements)
    where = {"server": secret(directory, server)} if server else {}
    of = location(directory, BackupKind.PLAIN, tables={"products": 1}, newest=newest, **where)
    return await drilled(of.model_copy(update={"name": NAME}))


@pytest.mark.parametrize("on", ["its own server", "drill.server"])
async def test_a_small_dump_that_fills_the_disk_is_ended(tmp_path: Path, drill_user: str, on: str) -> None:
    found = await restored(
        tmp_path,
        "CREATE TABLE products (a text); ALTER TABLE products ALTER a SET STORAGE EXTERNAL;"
        "INSERT INTO products SELECT repeat(md5(g::text), 30000) FROM generate_series(1, 10000) g;",
        drill_user if on == "drill.server" else "",
    )
    assert found.state is ItemState.UNKNOWN, found.reason
    assert "far more than the size of the backup lets expect: raise drill.room of hostile" in found.reason


async def test_a_dump_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    hungry = "array_length(array_agg(md5(g::text)), 1) FROM generate_series(1, 20000000) g"
    found = await restored(tmp_path, f"CREATE TABLE products AS SELECT {hungry};")
    assert found.state is ItemState.UNKNOWN, found.reason
    assert "it takes more than 1 GiB to be read: raise memory of hostile" in found.reason


FORGED = """CREATE SCHEMA forged;
CREATE FUNCTION forged.grow({kind}) RETURNS {kind} LANGUAGE sql AS $$ SELECT {gives} $$;
CREATE AGGREGATE forged.count(*) (sfunc = forged.grow, stype = {kind});
CREATE TABLE public.products (a int);
ALTER ROLE CURRENT_USER SET search_path = forged, public, pg_catalog;
"""


@pytest.mark.parametrize(
    ("kind", "gives"), [("text", "repeat('x', 3000000)"), ("bigint", "NULL::bigint"), ("bigint", "7::bigint")]
)
async def test_what_is_counted_is_not_counted_by_the_dump(tmp_path: Path, kind: str, gives: str) -> None:
    found = await restored(tmp_path, FORGED.format(kind=kind, gives=gives))
    assert found.state is ItemState.BAD, found.reason
    assert found.reason.endswith("products has 0 rows, fewer than 1")


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("infinity", "the newest at of products is in the future, and tells no age"),
        ("200000-01-01", "the newest at of products is in the future, and tells no age"),
        ("2100-01-01", "the newest at of products is in the future, and tells no age"),
        ("-infinity", "beyond the target of 26 h (RPO)"),
        ("4000-01-01 BC", "beyond the target of 26 h (RPO)"),
    ],
)
async def test_a_time_that_cannot_be_is_no_proof(tmp_path: Path, at: str, said: str) -> None:
    newest = NewestRow(table="products", column="at")
    found = await restored(
        tmp_path, f"CREATE TABLE products AS SELECT '{at}'::timestamptz AS at;", newest=newest
    )
    assert found.state is ItemState.BAD, found.reason
    assert found.reason.endswith(said)


async def test_a_dump_does_not_make_its_database_one_that_stays(
    tmp_path: Path, postgres_server: PostgresServer, drill_user: str
) -> None:
    """Nor does it keep out the next drill by settings of the user."""
    alter = "EXECUTE format('ALTER DATABASE %I IS_TEMPLATE true', current_database())"
    settings = "ALTER ROLE CURRENT_USER SET default_transaction_read_only = on;"
    try:
        for _ in range(2):
            found = await restored(
                tmp_path,
                f"CREATE TABLE products AS SELECT 1 AS a; DO $$ BEGIN {alter}; END $$; {settings}",
                drill_user,
            )
            assert await scratch_databases(postgres_server) == []
            assert "cannot be" not in found.reason, found.reason
            settings = ""
    finally:
        admin = await asyncpg.connect(postgres_server.url())
        for name in await scratch_databases(postgres_server):
            await admin.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
            await admin.execute(f'DROP DATABASE "{name}"')
        await admin.close()


def test_a_line_that_is_made_to_be_slow_holds_up_nobody(tmp_path: Path) -> None:
    """Of its processor time: as a pattern it took minutes, in which the whole worker stood still."""
    (tmp_path / "new.sql").write_bytes(BEGIN + b"ALTER " + b" OWNER TO ;" * 80_000 + b"x\n" + END)
    began = time.process_time()
    passed = b"".join(statements(tmp_path / "new.sql", 2**30))
    assert time.process_time() - began < 20
    assert b" OWNER TO ;x\n" in passed


def _a_name_without_end(path: Path) -> None:
    path.write_bytes(b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"x" * 2**24)


def _nothing_by_the_million(path: Path) -> None:
    path.write_bytes(gzip.compress(b"") * 300_000)


@pytest.mark.parametrize("made", [_a_name_without_end, _nothing_by_the_million])
def test_what_gives_nothing_is_read_in_time(tmp_path: Path, made: object) -> None:
    assert callable(made)
    path = tmp_path / "new.sql.gz"
    made(path)
    told = read_plain(path, time.monotonic())
    assert told.late
    lines: Iterator[bytes] = statements(path, 2**30, time.monotonic())
    with pytest.raises(NotRestored, match="the time was up"):
        list(lines)
