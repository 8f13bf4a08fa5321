"""The backend's memory: its limit, what it uses, and filling it for real."""

from __future__ import annotations

import gc
import logging
import os
import resource
import threading
import time
from pathlib import Path

log = logging.getLogger("backend")

KILLED_FOR_MEMORY = 137
"""The exit code of a process that the kernel ends for memory, as a container reports it."""

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_CHUNK = 4 * 2**20
_STEPS = 10
_LITTER, _MOST_LITTER = 100_000, 5

_held: list[bytearray] = []


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


def litter(pause: float) -> None:
    """Keep so many small objects that to look for garbage among them takes `pause` seconds; and look again
    and again."""
    kept: list[list[int]] = [[] for _ in range(_LITTER)]
    began = time.perf_counter()
    gc.collect()
    times = pause / (time.perf_counter() - began)
    kept.extend([] for _ in range(int(_LITTER * min(times - 1, _MOST_LITTER))))

    def collect() -> None:
        while kept:
            gc.collect()

    threading.Thread(target=collect, daemon=True).start()


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
