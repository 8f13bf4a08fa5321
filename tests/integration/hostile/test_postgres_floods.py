"""A PostgreSQL that sends without end, or asks for endless work, costs a worker neither memory nor time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import pytest

from tests.integration.hostile.test_postgres import NO_PLAIN_START, VERSION, WELCOME, message
from tests.parts.outside.private_ca import private_ca
from tests.parts.servers.sockets import Talk, listening

MOST_MEMORY = 200 * 2**20
"""Of the whole process that looks."""
BY_THEN = 60
"""Seconds, on a busy machine; a look of 5 seconds, and the start of its process."""

LOOK = """
import asyncio, json, sys
from activities.postgres.check import PostgresActivities
from models.service.secret import SecretRef
from models.service.service import Database, DockerManager, Service

async def main():
    database = Database(url=SecretRef(file=sys.argv[1]), timeout="5s")
    service = Service(name="db", manager=DockerManager(container="db"), database=database)
    seen = await PostgresActivities().check_database(service)
    with open("/proc/self/status") as status:
        most = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))
    print(json.dumps([seen.finding, seen.reason, most]))

asyncio.run(main())
"""

ENDLESS = b"x" * 2**16


def of(kind: bytes, content: bytes) -> bytes:
    return kind + (len(content) + 4).to_bytes(4) + content


def flooding(first: bytes, then: bytes = ENDLESS, greeting: bytes = b"", at: bytes = b"") -> Talk:
    """Send `first`, and `then` for ever: to the first message, or at a message of the type `at`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while int.from_bytes((await message(reader))[:4]) >= NO_PLAIN_START:
            writer.write(b"N")
        writer.write(greeting)
        while at and await reader.readexactly(1) != at:
            await message(reader)
        writer.write(first)
        while not writer.is_closing():
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(0)

    return talk


NOTICE = of(b"N", b"SNOTICE\0C00000\0M" + b"n" * 8000 + b"\0\0")
ROW = of(b"T", b"\0\1a\0" + bytes(6) + b"\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")
LARGEST = (2**31 - 1).to_bytes(4)

FLOODS = {
    "notices before it is ready": flooding(b"", NOTICE),
    "parameters before it is ready": flooding(b"", of(b"S", b"name\0" + b"v" * 60_000 + b"\0")),
    "an error without an end": flooding(b"E" + (2**30).to_bytes(4) + b"SFATAL\0M"),
    "an answer to the password of 2 GiB": flooding(b"R" + LARGEST + b"\0\0\0\5"),
    "a message shorter than its own length": flooding(b"S\0\0\0\0"),
    "rows": flooding(ROW, of(b"D", b"\0\1\0\0\x1f\x40" + b"x" * 8000), VERSION + WELCOME, b"Q"),
    "a row of 2 GiB": flooding(ROW + b"D" + LARGEST + b"\0\1\x7f\0\0\0", ENDLESS, VERSION + WELCOME, b"Q"),
    "notices to a statement": flooding(b"", NOTICE, VERSION + WELCOME, b"Q"),
}


async def seen(talk: Talk, directory: Path, query: str = "") -> tuple[str, str, int]:
    async def until_it_is_left(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):  # the look only knocked
            await talk(reader, writer)

    async with listening(until_it_is_left) as port, asyncio.timeout(BY_THEN):
        (url := directory / "url").write_text(f"postgresql://me:pw@127.0.0.1:{port}/shop{query}")
        look = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOOK, str(url), stdout=asyncio.subprocess.PIPE
        )
        try:
            told, _ = await look.communicate()
        finally:
            if look.returncode is None:
                look.kill()
                await look.wait()
    finding, reason, most = json.loads(told)
    return finding, reason, most


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_server_that_sends_without_end_is_left(flood: str, tmp_path: Path) -> None:
    finding, reason, most = await seen(FLOODS[flood], tmp_path)
    assert (finding, " sent " in reason) == ("unknown", True), reason
    assert most < MOST_MEMORY


async def test_one_that_sends_without_end_behind_tls_is_left_as_well(tmp_path: Path) -> None:
    ca = private_ca(tmp_path)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await message(reader)
        writer.write(b"S")
        await writer.start_tls(ca.server)
        await FLOODS["rows"](reader, writer)

    finding, reason, most = await seen(talk, tmp_path, f"?sslmode=verify-full&sslrootcert={ca.ca_file}")
    assert (finding, " sent " in reason) == ("unknown", True), reason
    assert most < MOST_MEMORY


def asking(rounds: bytes) -> Talk:
    """Greets, and asks for a password that is hashed so often (SCRAM)."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while int.from_bytes((await message(reader))[:4]) >= NO_PLAIN_START:
            writer.write(b"N")
        writer.write(of(b"R", b"\0\0\0\x0aSCRAM-SHA-256\0\0"))
        assert await reader.readexactly(1) == b"p"
        nonce = (await message(reader)).split(b"r=")[-1]
        writer.write(of(b"R", b"\0\0\0\x0br=" + nonce + b"more,s=QUFBQUFBQUE=,i=" + rounds))
        await reader.read()

    return talk


@pytest.mark.parametrize("rounds", [b"2147483647", b"2147483647,i=4096", b"4096,i=2147483647"])
async def test_a_password_is_not_hashed_for_hours(rounds: bytes, tmp_path: Path) -> None:
    """Nothing interrupts the hash, not even a time-out, and nothing else of the worker goes on meanwhile."""
    finding, reason, _ = await seen(asking(rounds), tmp_path)
    assert (finding, "a password's hash" in reason) == ("unknown", True), reason


@pytest.mark.parametrize("encoding", ["latin-1", "cp1251", "utf-8"])
async def test_a_refusal_in_another_encoding_is_the_refusal_that_its_code_says(
    encoding: str, tmp_path: Path
) -> None:
    """A database whose messages are not in UTF-8 is not down because a password is wrong."""
    words = {"latin-1": "Passwort-Authentifizierung für »me« schlug fehl", "cp1251": "пользователь не прошёл"}
    said = words.get(encoding, "пользователь не прошёл").encode(encoding)
    refusal = of(b"E", b"SFATAL\0C28P01\0M" + said + b"\0\0")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while int.from_bytes((await message(reader))[:4]) >= NO_PLAIN_START:
            writer.write(b"N")
        writer.write(refusal)
        await reader.read()

    finding, reason, _ = await seen(talk, tmp_path)
    assert (finding, "credentials" in reason or "password" in reason) == ("unknown", True), reason
