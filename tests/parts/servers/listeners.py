"""Real processes that hold a port."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Listen = Callable[..., tuple[subprocess.Popen[bytes], int]]

_LISTENS = """
import signal, socket, sys, time
if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
time.sleep(600)
"""


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Start a process that listens on a free port; `stubborn` ignores SIGTERM."""
    started: list[subprocess.Popen[bytes]] = []

    def start(manner: str = "meek") -> tuple[subprocess.Popen[bytes], int]:
        process = subprocess.Popen([sys.executable, "-c", _LISTENS, manner], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
