"""What answers in place of a Docker engine wants our memory or our time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from activities.managers.docker_events import read

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
DATED = HEAD + f"Date: {formatdate(usegmt=True)}\r\n\r\nOK".encode()
VERSION = {"Version": "20.10.24", "ApiVersion": "1.41"}
CONTAINER = {
    "Id": "a" * 64,
    "Name": "/backend",
    "Image": "sha256:0",
    "Config": {"Tty": False, "Image": "shop"},
    "State": {"Status": "running", "Running": True},
    "HostConfig": {},
}
MOST_MEMORY = 105 * 2**20
"""Of a process that has loaded 63 MiB of code. A whole worker loads 155, and so stays under 200."""
BY_THEN = 50
"""Seconds, on a busy machine; what drips would do so for ever."""

ASKS = """
import sys
from activities.managers.docker import DockerManager
from activities.managers.docker_engine import DockerEngine
from activities.managers.manager import ManagerError
from models.service.service import DockerManager as Configured

engine = DockerEngine("unix://" + sys.argv[1], timeout=int(sys.argv[3]))
manager = DockerManager(engine, Configured(container="backend"))

def containers():
    with engine.client() as client:
        return client.api.containers(all=True)

asks = {
    "json": manager.state,
    "logs": lambda: manager.logs(5),
    "stats": manager.usage,
    "top": manager.pids,
    "list": containers,
    "events": lambda: engine.events("backend", ["die"]),
}
try:
    print(repr(asks[sys.argv[2]]())[:300])
except ManagerError as error:
    print(type(error).__name__, error)
with open("/proc/self/status") as status:
    print(next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:")))
"""
"""One question, in a process of its own: the kernel counts the most memory that it ever had."""

PATHS = {"list": "/containers/json"}


@contextmanager
def engine_that(path: Path, on: str, head: bytes, part: bytes, every: float) -> Iterator[None]:
    """An engine of one container; what asks it `on` gets a head, then this part again and again."""
    over = threading.Event()

    def serve(client: socket) -> None:
        with client:
            asked = client.recv(65536).partition(b"\r\n")[0].decode()
            try:
                if PATHS.get(on, f"/{on}") in asked.partition("?")[0].split(" HTTP")[0]:
                    client.sendall(head)
                    while not over.wait(every):
                        client.sendall(part)
                elif "/_ping" in asked:
                    client.sendall(DATED)
                elif asked:
                    known = VERSION if "/version" in asked else CONTAINER
                    client.sendall(HEAD + b"\r\n" + json.dumps(known).encode())
            except OSError:
                pass  # the other side has seen enough

    def accept() -> None:
        while not over.is_set():
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket(AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            with socket(AF_UNIX) as last:
                last.connect(str(path))
            thread.join(10)


def asked(path: Path, question: str, within: int) -> str:
    """What came of it. It has used little memory, and no more time than anybody waits."""
    argv = [sys.executable, "-c", ASKS, str(path), question, str(within)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=BY_THEN, check=False)
    assert done.returncode == 0, done.stderr
    said, memory = done.stdout.splitlines()
    assert int(memory) < MOST_MEMORY
    return said


DRIPS = [("json", "body"), ("json", "headers"), *((one, "body") for one in ("logs", "stats", "top", "list"))]


@pytest.mark.parametrize(("question", "where"), [*DRIPS, ("events", "body")])
def test_an_engine_that_drips_is_left_in_time(tmp_path: Path, question: str, where: str) -> None:
    head = HEAD + b"\r\n[" if where == "body" else b"HTTP/1.1 200 OK\r\nX: "
    with engine_that(tmp_path / "s", question, head, b" ", every=0.05):
        said = asked(tmp_path / "s", question, within=1)
    assert said == (
        "None"
        if question == "events"
        else f"ManagerUnreachable Docker at unix://{tmp_path}/s did not answer within 1 s"
    )


@pytest.mark.parametrize("question", ["json", "logs", "events"])
def test_an_engine_that_sends_without_end_is_left(tmp_path: Path, question: str) -> None:
    with engine_that(tmp_path / "s", question, HEAD + b"\r\n", b" " * 2**20, every=0):
        said = asked(tmp_path / "s", question, within=30)
    assert said == "None" if question == "events" else "sends more than an engine sends" in said


def bomb() -> bytes:
    """300 MB, compressed without ever having been there."""
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return b"".join([*(packing.compress(b" " * 2**20) for _ in range(300)), packing.flush()])


HOSTILE: dict[str, Callable[[], tuple[bytes, bytes, str]]] = {
    "a gzip bomb": lambda: (b"Content-Encoding: gzip\r\n", bomb(), "compressed"),
    "nested a hundred thousand deep": lambda: (b"", b"[" * 100_000 + b"]" * 100_000, "RecursionError"),
    "millions of empty objects": lambda: (
        b"",
        b"[" + b"{}," * 5_000_000 + b"{}]",
        "more than an engine sends",
    ),
    "no JSON": lambda: (b"", b"<html>", "could not be asked"),
}


@pytest.mark.parametrize("question", ["json", "list"])
@pytest.mark.parametrize("sent", HOSTILE)
def test_an_answer_that_is_none_of_an_engine_is_unknown(tmp_path: Path, sent: str, question: str) -> None:
    more, body, said = HOSTILE[sent]()
    head = HEAD + more + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    with engine_that(tmp_path / "s", question, head, b"", every=0.1):
        became = asked(tmp_path / "s", question, within=30)
    assert became.startswith("ManagerUnreachable")
    assert said in became


def test_nobody_is_sent_elsewhere(tmp_path: Path) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /v1.41/other\r\nContent-Length: 0\r\n\r\n"
    with engine_that(tmp_path / "s", "json", moved, b"", every=0.1):
        assert asked(tmp_path / "s", "json", within=5).startswith("ManagerUnreachable")


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"Action": "die", "timeNano": 1e300}',
        b'{"Action": "die", "timeNano": 1, "Actor": 7}',
        b"7",
    ],
    ids=["nested", "no time", "no actor", "no event"],
)
def test_what_is_no_event_of_an_engine_is_none(line: bytes) -> None:
    assert read(line) == ()
