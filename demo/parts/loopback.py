"""Free ports on loopback, and the programs that listen on them."""

from __future__ import annotations

import shutil
import socket
import sys
from pathlib import Path

from demo.parts.errors import NotInstalledError

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A TCP port that nobody listens on now. Taken and given back, so use it soon."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
    return port


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
