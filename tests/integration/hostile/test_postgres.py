"""A PostgreSQL that takes the connection and then hangs holds nobody beyond the time-out of the look."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from activities.postgres.check import PostgresActivities
from activities.postgres.connecting import connecting
from activities.postgres.database_seen import DatabaseKind
from models.evidence.evidence import Finding
from models.service.secret import SecretRef
from models.service.service import Database, DockerManager, Service
from tests.parts.servers.sockets import Talk, listening, silence

SOON = timedelta(seconds=1)
BY_THEN = 20
"""Seconds, on a busy machine; what hangs would do so for ever."""

VERSION = b"S\0\0\0\x18server_version\x0014.0\0"
WELCOME = b"R\0\0\0\x08\0\0\0\0" + b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x02" + b"Z\0\0\0\x05I"
SELECTED = b"C\0\0\0\x0dSELECT 1\0" + b"Z\0\0\0\x05I"
NO_PLAIN_START = 80877102
"""From here on, the first message asks for TLS, or for the end of a statement."""


def hanging(at: bytes, welcome: bytes = VERSION + WELCOME) -> Talk:
    """Speaks the protocol as far as it must, and hangs at the first message of this type."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while int.from_bytes((await message(reader))[:4]) >= NO_PLAIN_START:
            writer.write(b"N")
        writer.write(welcome)
        while (kind := await reader.readexactly(1)) != at:
            await message(reader)
            if kind == b"Q":
                writer.write(SELECTED)
        await silence(reader, writer)

    return talk


async def message(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)


def behind(secret: Path, port: int) -> Service:
    secret.write_text(f"postgresql://me:pw@127.0.0.1:{port}/shop")
    database = Database(url=SecretRef(file=str(secret)), timeout=SOON)
    return Service(name="db", manager=DockerManager(container="db"), database=database)


@pytest.mark.parametrize("talk", [silence, hanging(b"Q")], ids=["at once", "at a statement"])
async def test_a_server_that_hangs_is_told_as_one_in_time(talk: Talk, tmp_path: Path) -> None:
    async with listening(talk) as port, asyncio.timeout(BY_THEN):
        seen = await PostgresActivities().check_database(behind(tmp_path / "url", port))
    assert (seen.finding, seen.kind) == (Finding.BAD, DatabaseKind.TIMED_OUT)


async def test_a_server_that_hangs_when_it_is_left_has_answered() -> None:
    async with (
        listening(hanging(b"X")) as port,
        asyncio.timeout(BY_THEN),
        connecting(f"postgresql://me:pw@127.0.0.1:{port}/shop", within=BY_THEN, each=BY_THEN) as connection,
    ):
        assert await connection.execute("SELECT 1") == "SELECT 1"


@pytest.mark.parametrize("each", [0.2, BY_THEN * 10])
async def test_a_statement_that_hangs_is_left_with_its_connection(each: float) -> None:
    async with listening(hanging(b"Q")) as port, asyncio.timeout(BY_THEN):
        with pytest.raises(TimeoutError):
            async with (
                asyncio.timeout(min(each * 2, 1)),
                connecting(
                    f"postgresql://me:pw@127.0.0.1:{port}/shop", within=BY_THEN, each=each
                ) as connection,
            ):
                await connection.execute("SELECT 1")


# The library leaves a half-made connection behind, whose finalizer fails.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_what_greets_like_no_postgresql_is_unknown(tmp_path: Path) -> None:
    async with listening(hanging(b"Q", welcome=WELCOME)) as port, asyncio.timeout(BY_THEN):
        seen = await PostgresActivities().check_database(behind(tmp_path / "url", port))
    assert (seen.finding, seen.kind) == (Finding.UNKNOWN, DatabaseKind.FAILED)
