"""A server that speaks PostgreSQL's protocol as far as one error, and a real PgBouncer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from struct import pack, unpack

from demo.parts.loopback import free_port
from tests.parts.requirements import missing
from tests.parts.servers.sockets import Talk, listening

_SSL_REQUEST = 80877103


def saying(code: str, message: str, detail: str = "") -> Talk:
    """Answer every login with this SQLSTATE and text."""
    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": message, "D": detail}
    body = b"".join(f"{key}{value}\0".encode() for key, value in fields.items() if value) + b"\0"

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            size, kind = unpack("!ii", await reader.readexactly(8))
            await reader.readexactly(size - 8)
            if kind != _SSL_REQUEST:
                break
            writer.write(b"N")
            await writer.drain()
        writer.write(b"E" + pack("!i", len(body) + 4) + body)
        await writer.drain()

    return talk


@asynccontextmanager
async def refusing(code: str, message: str, detail: str = "") -> AsyncIterator[str]:
    """The connection string of such a server."""
    async with listening(saying(code, message, detail)) as port:
        yield f"postgresql://me:s3cret@127.0.0.1:{port}/app"


@contextmanager
def pgbouncer(server_port: int, users: dict[str, str], **settings: str | int) -> Iterator[int]:
    """The port of a PgBouncer before the server at that port, with these settings."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        missing("pgbouncer is not installed")
    directory, port = Path(tempfile.mkdtemp(prefix="runbooks-pgbouncer-")), free_port()
    listed = "".join(f'"{name}" "{password}"\n' for name, password in users.items())
    (directory / "users").write_text(listed)
    options = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "plain",
        "auth_file": directory / "users",
        "pool_mode": "transaction",
        **settings,
    }
    lines = [
        "[databases]",
        f"* = host=127.0.0.1 port={server_port}",
        "[pgbouncer]",
        *(f"{name} = {value}" for name, value in options.items()),
    ]
    (directory / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    if os.geteuid() == 0:
        for path in (directory, *directory.iterdir()):
            shutil.chown(path, "nobody")
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, *as_nobody, str(directory / "pgbouncer.ini")], stdout=log, stderr=log
        )
    try:
        _listens(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        shutil.rmtree(directory)


def _listens(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.05)  # between two looks of a bounded wait
    raise RuntimeError("pgbouncer does not listen")
