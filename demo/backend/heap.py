"""What fills the backend's heap for real: a cache without an end, listeners that nobody removes, a data set
loaded at once. And the file in which it writes down what is there, as Node.js does for a signal.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from demo.backend.memory import hold, memory_used

log = logging.getLogger("backend")

MAX_LISTENERS = 10
"""As Node.js has it: one more, and it warns, once for each event."""
DATA_SET = 56 * 2**20
_STEP = 0.1
"""Seconds between two entries, or two listeners."""

Listener = Callable[[], int]


class Cache:
    """Entries by their key, kept for ever: nobody thought of a time to live."""

    def __init__(self) -> None:
        self._entries: dict[int, bytearray] = {}
        self._filling = threading.Event()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(entry) for entry in list(self._entries.values()))

    def fill(self, a_second: int) -> None:
        """From now on keep so much more in every second, until it is cleared."""
        self._filling.set()
        threading.Thread(target=self._fill, args=(int(a_second * _STEP),), daemon=True).start()

    def clear(self) -> None:
        self._filling.clear()
        self._entries.clear()

    def _fill(self, size: int) -> None:
        while self._filling.is_set():
            self._entries[len(self._entries)] = bytearray(b"\xa5") * size
            time.sleep(_STEP)


class Emitter:
    """Calls listeners by event, and warns as Node.js does when there are too many."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._listeners: dict[str, list[Listener]] = {}
        self._warned: set[str] = set()

    def on(self, event: str, listener: Listener) -> None:
        listeners = self._listeners.setdefault(event, [])
        listeners.append(listener)
        if len(listeners) > MAX_LISTENERS and event not in self._warned:
            self._warned.add(event)
            log.warning(
                "(node:%d) MaxListenersExceededWarning: Possible EventEmitter memory leak detected. %d %s"
                " listeners added to [%s]. MaxListeners is %d. Use emitter.setMaxListeners() to increase it",
                os.getpid(),
                len(listeners),
                event,
                self._name,
                MAX_LISTENERS,
            )


PRODUCTS = Cache()
_price_feed = Emitter("PriceFeed")


def collect_listeners(a_second: int) -> None:
    """From now on every request to the price feed adds a listener with what it needs, and removes none."""

    def request() -> None:
        while True:
            prices = bytearray(b"\xa5") * int(a_second * _STEP)
            _price_feed.on("message", prices.__len__)
            time.sleep(_STEP)

    threading.Thread(target=request, daemon=True).start()


def listen_too_often() -> None:
    """One listener too many, which is all that ever happens."""
    for _ in range(MAX_LISTENERS + 1):
        _price_feed.on("message", b"".__len__)


def load_data_set() -> None:
    """All rows at once, where a page of them would do, and kept."""
    log.info("import of the platform reports begins: 1,200,000 rows in one batch")
    hold(DATA_SET)


def write_snapshots(into: Path) -> None:
    """At SIGUSR2 write down what is in memory, into a new file of this directory."""

    def write(*_: object) -> None:
        content = {"snapshot": {"rss": memory_used(), "caches": {"products": PRODUCTS.size}}}
        (into / f"heap-{time.time_ns()}.heapsnapshot").write_text(json.dumps(content))

    signal.signal(signal.SIGUSR2, write)


class Caches(Collector):
    """The size of each cache."""

    def collect(self) -> Iterable[Metric]:
        sizes = GaugeMetricFamily("cache_size_bytes", "Bytes in the cache.", labels=["cache"])
        sizes.add_metric(["products"], PRODUCTS.size)
        yield sizes
