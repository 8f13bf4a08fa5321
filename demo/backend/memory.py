"""The backend's memory: its limit, what it uses, and filling it, for good, up to a bound or for a while."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import os
import resource
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger("backend")

KILLED_FOR_MEMORY = 137
"""The exit code of a process that the kernel ends for memory, as a container reports it."""

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_CHUNK = 4 * 2**20
_STEPS = 10
_LITTER = 100_000

_held: list[bytearray] = []

MIB = 2**20
FILLED, FILLED_WITHIN = 40 * MIB, 3.0
"""What the cache takes at most, and the seconds within which it takes two thirds of that."""
LOADED, LOADED_WITHIN = 40 * MIB, 3.0
RETURNED, RETURNED_AFTER = 5 * MIB, 8.5
"""What it takes in a second, and after how many seconds it gives all of that back."""
SESSION, SESSION_LASTS = MIB, 2.0
"""What each request keeps, and for how many seconds."""
COLLECTED_EVERY, COLLECTING_TAKES = 0.15, 0.4
"""Seconds between two collections of garbage, and how long one lasts."""
_USERS = "/api/"
_EVERY = 0.1

_grown: list[bytearray] = []
_small: list[list[int]] = []
_sessions: deque[tuple[float, bytearray]] = deque()
_keeps_sessions = threading.Event()


def limit_memory(file: Path | None) -> None:
    """Without a container the limit stands in a file, and the kernel holds us to it (RLIMIT_DATA)."""
    if file is not None and file.exists():
        limit = int(file.read_text())
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def memory_limit() -> int:
    """The limit in bytes: our own, else the container's, else the machine's memory."""
    own, _ = resource.getrlimit(resource.RLIMIT_DATA)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if own != resource.RLIM_INFINITY:
        return own
    texts = (file.read_text().strip() for file in _CGROUP_LIMITS if file.exists())
    return min((int(text) for text in texts if text.isdecimal()), default=machine)


def memory_used() -> int:
    """Resident bytes, now."""
    resident = Path("/proc/self/statm").read_text().split()[1]
    return int(resident) * os.sysconf("SC_PAGE_SIZE")


def leak(a_second: int) -> None:
    """From now on take `a_second` bytes in every second, and never give them back."""

    def grow() -> None:
        while True:
            _held.append(bytearray(b"\xa5") * (a_second // _STEPS))
            time.sleep(1 / _STEPS)

    threading.Thread(target=grow, daemon=True).start()


def litter() -> None:
    """Keep many small objects. From now on requests wait while garbage is looked for among them: for as
    long on a fast machine as on a slow one."""
    _small.extend([] for _ in range(_LITTER))


def hold(size: int) -> None:
    """Take `size` bytes and touch each page. Where the limit is in the way, the process ends."""
    log.info("loading a working set of %d MiB", size // 2**20)
    try:
        for _ in range(0, size, _CHUNK):
            _held.append(bytearray(b"\xa5") * _CHUNK)
    except MemoryError:
        _held.clear()
        log.critical("MemoryError: the heap is out of memory at its limit of %d bytes", memory_limit())
        os._exit(KILLED_FOR_MEMORY)


def fill_cache() -> None:
    """A cache with a bound: it fills fast, then slower, and is full."""
    _up_to(lambda since: FILLED * (1 - math.exp(-since / FILLED_WITHIN)))


def load_slowly() -> None:
    """A data set that takes seconds to load, and is kept."""
    _up_to(lambda since: min(1.0, since / LOADED_WITHIN) * LOADED)


def give_back() -> None:
    """It grows for some seconds, and then all of it is collected."""
    _up_to(lambda since: RETURNED * since if since < RETURNED_AFTER else 0.0)


def keep_sessions() -> None:
    """From now on each request keeps its session for a moment: more requests need more memory."""
    _keeps_sessions.set()


class Litter:
    """Stands before the routes: users wait for the collection that runs, Prometheus does not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._collecting: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _small and scope["type"] == "http" and scope["path"].startswith(_USERS):
            if self._collecting is None:
                self._collecting = asyncio.create_task(self._collect())
            await asyncio.shield(self._collecting)
        await self._app(scope, receive, send)

    async def _collect(self) -> None:
        await asyncio.to_thread(_look_for_garbage)
        asyncio.get_running_loop().call_later(COLLECTED_EVERY, self._forget)

    def _forget(self) -> None:
        self._collecting = None


class Sessions:
    """Stands before the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _keeps_sessions.is_set():
            now = time.monotonic()
            _sessions.append((now, _bytes(SESSION)))
            while _sessions[0][0] < now - SESSION_LASTS:
                _sessions.popleft()
        await self._app(scope, receive, send)


def _look_for_garbage() -> None:
    """All others stand still while it looks; it rests half as long, so that they get their turn."""
    until = time.monotonic() + COLLECTING_TAKES
    while (began := time.monotonic()) < until:
        gc.collect()
        time.sleep((time.monotonic() - began) / 2)


def _up_to(wanted: Callable[[float], float]) -> None:
    """From now on hold as much as is wanted after so many seconds; nothing of it once nothing is."""

    def hold() -> None:
        began = time.monotonic()
        while True:
            size = int(wanted(time.monotonic() - began))
            missing = size - sum(map(len, _grown))
            if missing > 0:
                _grown.append(_bytes(missing))
            elif not size:
                _grown.clear()
            time.sleep(_EVERY)

    threading.Thread(target=hold, daemon=True).start()


def _bytes(size: int) -> bytearray:
    """So many, each of them touched."""
    return bytearray(b"\xa5") * size
