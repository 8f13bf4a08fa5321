"""Free ports on loopback, and the programs that listen on them."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

from demo.parts.errors import NotInstalledError

LOOPBACK = "127.0.0.1"
_BELOW_OUTGOING = range(15_000, 32_000)


_HELD: deque[int] = deque()
_MOST_HELD = 200


def free_port() -> int:
    """A TCP port that nobody listens on now. Taken and given back, so use it soon.

    No other process gets it from here: its namesake of UDP is held. It is below the range from which the
    kernel serves everybody's outgoing connections: one of those would take it meanwhile.
    """
    while True:
        port = secrets.choice(_BELOW_OUTGOING)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener,
            suppress(OSError),
        ):
            held.bind((LOOPBACK, port))
            listener.bind((LOOPBACK, port))
            _hold(held)
            return port


def _hold(held: socket.socket) -> None:
    """For as long as this process lives, or needs many more."""
    _HELD.append(held.detach())
    if len(_HELD) > _MOST_HELD:
        os.close(_HELD.popleft())


def program(*names: str, hint: str) -> str:
    """The path of the first of `names` beside this interpreter or on PATH."""
    for name in names:
        beside = Path(sys.executable).parent / name
        found = str(beside) if beside.is_file() else shutil.which(name)
        if found:
            return found
    raise NotInstalledError(f"{' or '.join(names)} was not found: {hint}")


def is_installed(*names: str) -> bool:
    """Whether one of `names` can be run here."""
    try:
        program(*names, hint="")
    except NotInstalledError:
        return False
    return True
