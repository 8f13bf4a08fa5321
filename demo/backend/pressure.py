"""What comes before the business: a bad version, a bad cache, and too little memory or CPU.

A backend under pressure sheds its heavy requests with 503, as those in front of Node.js do, instead
of answering all of them late.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.backend.memory import memory_limit, memory_used
from demo.backend.settings import BackendSettings

log = logging.getLogger("backend")

USERS = "/api/"
"""What they ask for; health checks and scrapes are elsewhere."""
HEAVY = f"{USERS}analytics/"
MEMORY_SHARE = 0.5
"""Above this share of its memory the heavy requests are shed."""
CPU_SHARE = 0.25
"""Above this share of one core, over two seconds, they are shed."""
BROKEN_SINCE = {"2": "/api/analytics/products"}
"""By version, the route that its authors broke."""

SLOW_SINCE = {"3": "/api/cost-tracking/budget-status"}
"""By version, the route that its authors made slow."""
SLOWLY = 0.6
"""Seconds."""
THREADS = 6
"""That compute: together they get their part of the CPU also where others want it."""
COMPUTES = 0.6
"""Of a core, by the whole process: more than is much, and no more than that on a fast machine either."""
TURN = 0.5
"""Seconds that a request of a user waits for its turn while many compute: the same on every machine."""

BROKEN_FEATURE = "/api/cost-tracking/budget-status"
"""The route whose new feature does not work."""

_LOOK_EVERY = 0.2
_LOOKS = 10

_cpu: deque[float] = deque([0.0], maxlen=_LOOKS)
"""Share of one core in each of the last looks."""
_bad_cache = threading.Event()
_crowded = threading.Event()


class BadCacheError(Exception):
    """An entry of the cache cannot be read; only a restart loads it anew."""


def spoil_cache() -> None:
    """From now on what is in the cache cannot be read."""
    log.info("cache of platforms loaded: 0 of 3 entries")
    _bad_cache.set()


def keep_busy(while_there: Path) -> None:
    """More to compute than there is CPU for, until the file is gone."""
    for _ in range(THREADS):
        threading.Thread(target=compute, args=(while_there.exists,), daemon=True).start()


def crowd(while_there: Path) -> None:
    """The same, and the requests of the users wait for their turn. Prometheus is answered in between."""
    _crowded.set()
    keep_busy(while_there)


async def watch_cpu() -> None:
    """Measure for ever how much of a core is used."""
    while True:
        began, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(_LOOK_EVERY)
        _cpu.append((time.process_time() - used) / (time.perf_counter() - began))


class Pressure:
    """Stands before the routes."""

    def __init__(self, app: ASGIApp, settings: BackendSettings) -> None:
        self._app = app
        self._feature = settings.broken_feature
        self._broken = BROKEN_SINCE.get(settings.runs)
        self._slow = SLOW_SINCE.get(settings.runs)
        self._load = settings.load

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        path = request.url.path
        if path == BROKEN_FEATURE and self._feature.exists():
            raise TypeError("Cannot read properties of undefined (reading 'perCampaign')")
        if path == self._broken:
            raise TypeError("Cannot read properties of undefined (reading 'roi')")
        if path == self._slow:
            await asyncio.sleep(SLOWLY)
        if _crowded.is_set() and path.startswith(USERS) and self._load.exists():
            await asyncio.sleep(TURN)
        if _bad_cache.is_set() and path == "/api/analytics/platform-comparison":
            raise BadCacheError("entry platform:tiktok of the cache cannot be read")
        if path.startswith(HEAVY) and (why := _too_much()):
            await JSONResponse({"error": why}, status_code=503)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _too_much() -> str:
    if memory_used() > MEMORY_SHARE * memory_limit():
        return "under pressure: too little memory"
    if sum(_cpu) / _LOOKS > CPU_SHARE:
        return "under pressure: too little CPU"
    return ""


def compute(is_wanted: Callable[[], bool]) -> None:
    """Outside the interpreter's lock, so that requests are answered meanwhile, on a slow machine too."""
    began, used = time.monotonic(), time.process_time()
    while is_wanted():
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", iterations=20_000)
        ahead = (time.process_time() - used) / COMPUTES - (time.monotonic() - began)
        time.sleep(max(0.0, ahead))
