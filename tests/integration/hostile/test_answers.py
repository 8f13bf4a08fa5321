"""What answers in place of another system wants our memory or our time, or to send us elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from activities.managers.manager import ManagerUnreachable
from activities.managers.supervisord_socket import supervisor_at
from activities.support.http import Answer, Cut, Fault, NoAnswer, ask
from activities.support.unpacking import unpacking
from runtime.systems.asking import NotFetched, fetched
from tests.parts.servers.sockets import Talk, dripping, listening

SOON = timedelta(seconds=0.5)
MOST_MEMORY = 200 * 2**20
HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"

COMPLETES = """
import asyncio, sys, httpx
from intake.alerts.payload import Batch
from intake.alerts.truncated import fetch_left
from models.configuration.configuration import Configuration
from runtime.systems.asking import NotFetched

async def main():
    batch = Batch(good=(), refused=(), truncated=1)
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            await fetch_left(http, sys.argv[1], batch, Configuration.of({}, runbooks=("ServiceDown",)))
            print("fetched")
        except NotFetched as error:
            print("not fetched")
    with open("/proc/self/status") as status:
        print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")))

asyncio.run(main())
"""
"""An intake's question, in a process of its own: the kernel counts the most memory that it ever had."""


def sending(body: bytes, times: int = 1, head: bytes = b"") -> Talk:
    """Answer everything with so many copies of a body."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + head + b"\r\n")
        for _ in range(times):
            writer.write(body)
            await writer.drain()

    return talk


GZIP = b"Content-Encoding: gzip\r\n"
DEFLATE = b"Content-Encoding: deflate\r\n"


def bomb(bits: int) -> bytes:
    """300 MB, compressed without ever having been there."""
    packing = zlib.compressobj(wbits=bits)
    return b"".join([*(packing.compress(b" " * 2**20) for _ in range(300)), packing.flush()])


HOSTILE = {
    "300 MB": lambda: sending(b" " * 2**20, times=300),
    "a gzip bomb": lambda: sending(bomb(zlib.MAX_WBITS | 16), head=GZIP),
    "a bomb in deflate": lambda: sending(bomb(zlib.MAX_WBITS), head=DEFLATE),
    "millions of empty objects": lambda: sending(b"[" + b"{}," * 5_000_000 + b"{}]"),
    "a million objects in gzip": lambda: sending(
        gzip.compress(b"[" + b"{}," * 1_000_000 + b"{}]"), head=GZIP
    ),
    "as many parts as are taken": lambda: sending(b"[" + b"{}," * 29_900 + b"{}]"),
    "more objects than are taken": lambda: sending(b"[" + b"{}," * 30_000 + b"{}]"),
    "nested a hundred thousand deep": lambda: sending(b"[" * 100_000 + b"]" * 100_000),
    "an encoding that was not asked for": lambda: sending(b"[]", head=b"Content-Encoding: br\r\n"),
    "a text of escapes without an end": lambda: sending(b'["' + b'\\"' * 5_000_000),
    "no list": lambda: sending(b'{"alerts": NaN}'),
}


@pytest.mark.parametrize("sent", HOSTILE)
async def test_the_intake_completes_a_cut_batch_in_bounded_memory(sent: str) -> None:
    async with listening(HOSTILE[sent]()) as port, asyncio.timeout(60):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COMPLETES, f"http://127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
    became, memory = said.decode().splitlines()
    assert became == ("fetched" if sent == "as many parts as are taken" else "not fetched")
    assert int(memory) < MOST_MEMORY


async def test_signs_within_texts_are_no_parts_of_an_answer() -> None:
    at = "2026-01-02T03:04:05.678+00:00"
    alert = {
        "labels": {"alertname": "Flood", "service": "backend", "instance": "10.0.0.1:9100", "job": "node"},
        "annotations": {"summary": "one, two, three: [four], {five}", "description": 'a "text", or two'},
        "startsAt": at, "endsAt": at, "updatedAt": at, "fingerprint": "0123456789abcdef",
        "generatorURL": "http://localhost:9090/graph?g0.expr=up+%3D%3D+0",
        "receivers": [{"name": "runbooks"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []},
    }  # fmt: skip
    body = json.dumps([alert] * 5_900).encode()
    async with listening(sending(body)) as port, httpx.AsyncClient(trust_env=False) as client:
        url, within = f"http://127.0.0.1:{port}", timedelta(seconds=30)
        assert await fetched(client, url, {}, within=within, limit=2**24) == body


async def asked(talk: Talk, limit: int = 2**16) -> Answer:
    """One question, and its bound."""
    async with (
        listening(talk) as port,
        asyncio.timeout(60),
        httpx.AsyncClient(trust_env=False, follow_redirects=True) as client,
    ):
        return await ask(client, f"http://127.0.0.1:{port}/", within=SOON, limit=limit)


async def test_a_compressed_answer_is_counted_after_it_was_unpacked() -> None:
    answer = await asked(sending(gzip.compress(b"x" * 2**20), head=GZIP))
    assert (answer.cut, len(answer.body)) == (Cut.SIZE, 2**16)
    small = await asked(sending(gzip.compress(b"x" * 100), head=GZIP))
    assert (small.cut, small.body) == (None, b"x" * 100)


@pytest.mark.parametrize("bits", [zlib.MAX_WBITS, -zlib.MAX_WBITS, zlib.MAX_WBITS | 16])
async def test_deflate_is_unpacked_with_a_header_and_without(bits: int) -> None:
    packing = zlib.compressobj(wbits=bits)
    packed = packing.compress(b'{"status": "ok"}' * 9) + packing.flush()
    answer = await asked(sending(packed, head=DEFLATE))
    assert (answer.cut, answer.body) == (None, b'{"status": "ok"}' * 9)
    unpack = unpacking("deflate")
    assert b"".join(unpack(packed[place : place + 1], 2**16) for place in range(len(packed))) == answer.body


@pytest.mark.parametrize("word", ["utf-8", "UTF-8", "none", "identity", "utf-8, identity", "", "br2"])
async def test_a_word_that_is_no_coding_changes_nothing(word: str) -> None:
    answer = await asked(sending(b"[]", head=f"Content-Encoding: {word}\r\n".encode()))
    assert (answer.cut, answer.body) == (None, b"[]")


@pytest.mark.parametrize("word", ["br", "zstd", "Compress", "x-compress", "gzip, br", "gzip, gzip"])
async def test_a_coding_that_is_not_unpacked_is_told(word: str) -> None:
    answer = await asked(sending(b"[]", head=f"Content-Encoding: {word}\r\n".encode()))
    assert (answer.cut, answer.body) == (Cut.ENCODING, b"")


async def test_a_drip_that_never_ends_is_left_in_time() -> None:
    assert (await asked(dripping(HEAD + b"\r\n"))).cut is Cut.TIME
    assert (await asked(dripping(HEAD + GZIP + b"\r\n", drop=gzip.compress(b"")[:1]))).cut is not None
    with pytest.raises(NoAnswer) as no_answer:
        await asked(dripping(b"HTTP/1.1 200 OK\r\nX: "))
    assert no_answer.value.fault is Fault.TIMED_OUT
    async with listening(dripping(HEAD + b"\r\n[")) as port, httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(NotFetched, match=r"incomplete \(time\)"):
            await fetched(client, f"http://127.0.0.1:{port}", {}, within=SOON, limit=2**16)


async def test_nobody_is_sent_elsewhere() -> None:
    async with listening(sending(b"[]")) as other:
        moved = f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other}/\r\nContent-Length: 0\r\n\r\n"
        answer = await asked(redirecting(moved.encode()))
    assert (answer.status, answer.body) == (302, b"")


def redirecting(whole: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole)
        await writer.drain()

    return talk


async def test_a_header_that_cannot_be_sent_is_not_quoted() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(NoAnswer) as no_answer:
            await ask(
                client, "http://127.0.0.1:9/", within=SOON, limit=1, headers={"Authorization": "Bearer s3\nx"}
            )
    assert "s3" not in no_answer.value.reason


@contextmanager
def answering(path: Path, head: bytes, part: bytes, every: float) -> Iterator[None]:
    """What answers at supervisord's socket: a head, then this part again and again."""
    over = threading.Event()

    def talk() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            try:
                client.sendall(head)
                while not over.wait(every):
                    client.sendall(part)
            except OSError:
                pass  # the other side has seen enough

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(10)


XML = HEAD + b"Content-Type: text/xml\r\n\r\n"


@pytest.mark.parametrize("head", [XML, b"HTTP/1.1 200 OK\r\nX: "], ids=["body", "headers"])
def test_a_supervisord_that_drips_is_left_in_time(tmp_path: Path, head: bytes) -> None:
    began = time.monotonic()
    with answering(tmp_path / "s", head, b"x", every=0.05):
        with (
            pytest.raises(ManagerUnreachable, match=r"did not answer within 0\.5 s"),
            supervisor_at(str(tmp_path / "s"), timeout=0.5) as supervisor,
        ):
            supervisor.getState()
        assert time.monotonic() - began < 15  # each drip comes long before a time-out of one read


def test_a_supervisord_that_sends_without_end_is_left(tmp_path: Path) -> None:
    with (
        answering(tmp_path / "s", XML, b" " * 2**20, every=0),
        pytest.raises(ManagerUnreachable, match="more than 1 MiB"),
        supervisor_at(str(tmp_path / "s"), timeout=30) as supervisor,
    ):
        supervisor.getState()


ANSWERS = (
    "<int>x</int>",
    "<struct><member><name>a</name></member></struct>",
    "<array><data>" * 20_000 + "</data></array>" * 20_000,
    "<boolean>7</boolean>",
)


@pytest.mark.parametrize("value", ANSWERS, ids=["no number", "half a struct", "nested", "no yes or no"])
def test_what_is_no_answer_of_supervisord_is_no_error_of_ours(tmp_path: Path, value: str) -> None:
    whole = f"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>"
    head = XML.replace(b"\r\n\r\n", f"\r\nContent-Length: {len(whole)}\r\n\r\n".encode())
    with answering(tmp_path / "s", head + whole.encode(), b"", every=0.1):
        try:
            with supervisor_at(str(tmp_path / "s"), timeout=10) as supervisor:
                supervisor.getState()
        except ManagerUnreachable as error:
            assert "no proper answer" in str(error)


def test_a_mistake_of_ours_while_supervisord_is_asked_stays_one(tmp_path: Path) -> None:
    with pytest.raises(LookupError), supervisor_at(str(tmp_path / "s")):
        raise KeyError("pid")
