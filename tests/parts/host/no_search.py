"""The process that searches for patterns, killed in the midst of it, as by a host without memory."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import psutil


@contextlib.contextmanager
def search_killed() -> Iterator[None]:
    """The next search that this process starts within the block is killed."""
    killed: list[int] = []

    def kill() -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            for one in psutil.Process().children():
                with contextlib.suppress(psutil.Error):
                    if one.cmdline()[1:4] == ["-I", "-S", "-c"]:
                        one.kill()
                        killed.append(one.pid)
                        return
            time.sleep(0.01)

    hunter = threading.Thread(target=kill)
    hunter.start()
    yield
    hunter.join()
    assert killed, "nothing was searched"
