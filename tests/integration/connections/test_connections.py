"""Connections that never become a request: they end in time, and their number writes no long log."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from intake.http.connections import HEADERS_WITHIN, LARGEST_HEAD, MOST_HEADERS
from intake.http.peers import MOST_OF_A_PEER
from tests.parts.product.intake import CONFIGURATION, Intake, environment, intake_process, until

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD = b"POST /v1/alertmanager HTTP/1.1\r\nhost: localhost\r\n"
REFUSED_EARLY = HEAD + b"content-type: text/plain\r\ncontent-length: 1000\r\n\r\n"
"""415: it is answered before its body is there, and nobody waits for that any more."""


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    """An intake by itself: what is asked of it here never gets as far as Temporal."""
    config = tmp_path / "runbooks.yaml"
    config.write_text(CONFIGURATION)
    async with intake_process(config, environment("127.0.0.1:1")) as intake:
        yield intake


@asynccontextmanager
async def connected(intake: Intake) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(intake.url.rsplit(":", 1)[1]))
    try:
        yield reader, writer
    finally:
        writer.close()


async def dripping(intake: Intake, first: bytes, drop: bytes = b"") -> tuple[bytes, float]:
    """What comes back for `first` and a drop every second, and how long the connection was open."""
    began = time.monotonic()
    async with connected(intake) as (reader, writer):
        answer = asyncio.ensure_future(reader.read())
        writer.write(first)
        while not answer.done() and time.monotonic() < began + HEADERS_WITHIN + 10:
            if drop:
                writer.write(drop)
            await asyncio.wait([answer], timeout=1)
        assert answer.done(), "the connection is still open"
        try:
            return await answer, time.monotonic() - began
        except ConnectionResetError:
            return b"", time.monotonic() - began


async def test_a_connection_without_a_whole_request_ends_in_time(intake: Intake) -> None:
    ends = await asyncio.gather(
        dripping(intake, b""),
        dripping(intake, HEAD),
        dripping(intake, HEAD, b"x-drop: 1\r\n"),
        dripping(intake, b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n" + HEAD, b"x-drop: 1\r\n"),
        dripping(intake, REFUSED_EARLY, b"x"),
    )
    (silent, _), (half, _), (drops, _), _, _ = ends
    assert silent == b""
    for answer in (half, drops):
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert json.loads(answer.split(b"\r\n\r\n")[1])["error"] == "the headers did not arrive within 10 s"
    assert all(HEADERS_WITHIN - 1 < spent < HEADERS_WITHIN + 5 for _, spent in ends)


async def test_connections_that_bring_their_requests_stay_open_between_them(intake: Intake) -> None:
    async with connected(intake) as (reader, writer):
        for _ in range(3):
            for part in (b"GET /healthz HTTP/1.1\r\n", b"host: localhost\r\n", b"\r\n"):
                writer.write(part)
                await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(len(b'{"status":"ok"}')) == b'{"status":"ok"}'


async def test_a_thousand_half_sent_headers_keep_nobody_out(intake: Intake) -> None:
    """From one address, which is also that of Alertmanager: all of them are held open meanwhile."""
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False, timeout=30) as http:
        async with AsyncExitStack() as crowd:
            answers = []
            for place in range(1000):
                _, writer = await crowd.enter_async_context(connected(intake))
                writer.write(HEAD)
                if place % 50 == 49:
                    answers.append((await http.get("/healthz", headers={"connection": "close"})).status_code)
            sent = await http.post("/v1/alertmanager", content=b"{}", headers={"connection": "close"})
        assert answers == [200] * 20
        assert sent.status_code == 415


async def test_a_crowd_that_has_been_answered_once_keeps_nobody_out(intake: Intake) -> None:
    """As behind a reverse proxy, where everyone has one address and keeps what is open."""
    whole = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    async with AsyncExitStack() as crowd, asyncio.timeout(60):
        for _ in range(MOST_OF_A_PEER):
            reader, writer = await crowd.enter_async_context(connected(intake))
            writer.write(whole)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        async with connected(intake) as (reader, writer):
            for part in whole.splitlines(keepends=True):
                writer.write(part)
                await asyncio.sleep(0.05)  # so that it arrives in parts, as a new connection's request may
            assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")


async def _well(http: httpx.AsyncClient) -> bool:
    with suppress(httpx.TransportError):  # it was closed at once
        return (await http.get("/healthz")).status_code == 200
    return False


async def test_without_a_file_for_one_more_connection_the_log_stays_short(intake: Intake) -> None:
    """Connections beyond the limit are closed at once, and the intake is well when the crowd has left."""
    limit = 64
    resource.prlimit(intake.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False, timeout=30) as http:
        async with AsyncExitStack() as crowd:
            readers = [(await crowd.enter_async_context(connected(intake)))[0] for _ in range(2 * limit)]

            async def some_are_closed() -> bool:
                return sum(reader.at_eof() for reader in readers) > limit

            assert await until(some_are_closed)
        assert await until(lambda: _well(http))
    assert len("".join(intake.log)) < 50_000


async def test_headers_without_end_are_refused_before_they_fill_the_memory(intake: Intake) -> None:
    async with connected(intake) as (reader, writer):
        writer.write(HEAD + b"x-long: " + b"a" * (LARGEST_HEAD + 1))
        answer = await asyncio.wait_for(reader.read(), HEADERS_WITHIN / 2)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert json.loads(answer.split(b"\r\n\r\n")[1])["error"] == "the headers are larger than 64 KiB"


CHUNKS = b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nx-long: "


@pytest.mark.parametrize(
    ("kind", "first"), [(b"text/plain", b"HTTP/1.1 415 "), (b"application/json", b"HTTP/1.1 431 ")]
)
async def test_headers_without_end_behind_a_body_are_refused_before_they_fill_the_memory(
    intake: Intake, kind: bytes, first: bytes
) -> None:
    """Behind an answer that was given early, and while the body is read."""
    before = most_memory(intake)
    async with connected(intake) as (reader, writer):
        answer = asyncio.ensure_future(reader.read())
        writer.write(HEAD + b"content-type: %s\r\n" % kind + CHUNKS)
        with suppress(ConnectionError):
            for _ in range(200):
                writer.write(b"a" * 2**20)
                await writer.drain()
        with suppress(ConnectionError):
            assert (await answer).startswith(first)
    assert most_memory(intake) < before + 32


async def test_a_sender_may_bring_any_number_of_small_requests_on_one_connection(intake: Intake) -> None:
    async with connected(intake) as (reader, writer):
        for _ in range(2000):
            writer.write(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(len(b'{"status":"ok"}'))


WHOLE = b"GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def flood(intake: Intake, chunk: bytes, times: int) -> bytes:
    """All answers to a chunk that is sent again and again, until the intake ends the connection."""
    async with connected(intake) as (reader, writer):
        answers = asyncio.ensure_future(reader.read())
        with suppress(ConnectionError):
            for _ in range(times):
                writer.write(chunk)
                await writer.drain()
        with suppress(ConnectionError):
            return await asyncio.wait_for(answers, 60)
    return b""


def most_memory(intake: Intake) -> int:
    """MiB of memory that the process has had at most."""
    status = Path(f"/proc/{intake.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


async def test_requests_that_do_not_wait_for_an_answer_do_not_pile_up(intake: Intake) -> None:
    """From one connection, and from many at once."""
    before = most_memory(intake)
    await flood(intake, WHOLE * 5_000, 20)
    await asyncio.gather(*(flood(intake, WHOLE * 5_000, 2) for _ in range(40)))
    assert most_memory(intake) < before + 64
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False, timeout=30) as http:
        assert await until(lambda: _well(http))


@pytest.mark.parametrize("next_one", [WHOLE, b"nonsense\r\n\r\n"])
async def test_what_comes_too_early_ends_the_connection_behind_the_answer_that_is_due(
    intake: Intake, next_one: bytes
) -> None:
    """Words about it would be read as that answer."""
    answers = await flood(intake, WHOLE + next_one, 1)
    assert answers.startswith(b"HTTP/1.1 404 ")
    assert answers.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answers


async def test_requests_that_a_stranger_makes_up_write_no_long_log(intake: Intake) -> None:
    nonsense = b"nonsense\r\n\r\n"
    upgrade = WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
    for _ in range(50):
        await flood(intake, nonsense, 1)
        async with connected(intake) as (reader, writer):
            writer.write(upgrade)
            assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    said = [line for line in intake.log if "request" in line or "WebSocket" in line]
    assert 1 <= len(said) < 20


async def test_headers_without_number_are_refused_before_they_fill_the_memory(intake: Intake) -> None:
    """Each takes a hundred times the room of its bytes: from one connection, and from many that stay."""
    many = WHOLE[:-2] + b"a:\r\n" * (MOST_HEADERS - 1)
    assert (await flood(intake, many + b"connection: close\r\n\r\n", 1)).startswith(b"HTTP/1.1 431 ")
    async with connected(intake) as (reader, writer):
        writer.write(many + b"\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    before = most_memory(intake)
    async with AsyncExitStack() as crowd:
        for _ in range(100):
            reader, writer = await crowd.enter_async_context(connected(intake))
            writer.write(HEAD + b"a:\r\n" * 16_000)
            assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
    assert most_memory(intake) < before + 64
