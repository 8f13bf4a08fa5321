"""Faults from the inside: `POST /faults/NAME`, from loopback only."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend import heap, memory
from demo.backend.memory import hold, leak, litter, memory_limit
from demo.backend.pressure import crowd, keep_busy, spoil_cache
from demo.backend.settings import BackendSettings

log = logging.getLogger("backend")

LEAKED_A_SECOND = 4 * 2**20
SLOWLY = 3 * 2**20
_AFTER_THE_ANSWER = 0.05
"""Seconds: the fault begins once the request for it was answered."""


def crash(_: BackendSettings) -> None:
    """End with code 1, with the error in the log."""
    log.error("Unhandled rejection: TypeError: Cannot read properties of undefined (reading 'price')")
    os._exit(1)


def hang(_: BackendSettings) -> None:
    """Keep the port and answer nothing: the event loop never gets its turn again."""
    log.warning("event loop is blocked")
    while True:
        time.sleep(3600)


def spin(_: BackendSettings) -> None:
    """Keep the port and compute without an end: all of the CPU that it may have, and no answer."""
    log.warning("event loop is busy")
    while True:
        pass


def out_of_memory(settings: BackendSettings) -> None:
    """Load the working set, or simply all that the limit allows and more."""
    size = int(settings.working_set.read_text()) if settings.working_set.exists() else 2 * memory_limit()
    hold(size)


def slow_leak(_: BackendSettings) -> None:
    """Keep a little of every request for ever."""
    leak(LEAKED_A_SECOND)


def slower_leak(_: BackendSettings) -> None:
    """The same more slowly, so that there is time to ask somebody."""
    leak(SLOWLY)


def load_data_set(_: BackendSettings) -> None:
    """Load a large data set at once, and keep it."""
    heap.load_data_set()


def bloat_cache(_: BackendSettings) -> None:
    """A cache without a time to live."""
    heap.PRODUCTS.fill(SLOWLY)


def collect_listeners(_: BackendSettings) -> None:
    """An emitter whose listeners nobody removes."""
    heap.collect_listeners(SLOWLY)


def few_listeners(_: BackendSettings) -> None:
    """One listener more than Node.js thinks is right, and no leak."""
    heap.listen_too_often()


def bad_cache(_: BackendSettings) -> None:
    """One entry of the cache becomes unreadable; only a restart loads it anew."""
    spoil_cache()


def busy(settings: BackendSettings) -> None:
    """More to compute than there is CPU for, for as long as the load is there."""
    keep_busy(while_there=settings.load)


def crowded(settings: BackendSettings) -> None:
    """Work in many threads, for as long as the load is there."""
    crowd(settings.load)


def littered(_: BackendSettings) -> None:
    """So many small objects that much of the time goes into collecting garbage."""
    litter()


FAULTS: dict[str, Callable[[BackendSettings], None]] = {
    "crash": crash,
    "hang": hang,
    "spin": spin,
    "out-of-memory": out_of_memory,
    "leak": slow_leak,
    "slow-leak": slower_leak,
    "load-data-set": load_data_set,
    "bloat-cache": bloat_cache,
    "collect-listeners": collect_listeners,
    "few-listeners": few_listeners,
    "cache-fills": lambda _: memory.fill_cache(),
    "load-slowly": lambda _: memory.load_slowly(),
    "gives-back": lambda _: memory.give_back(),
    "sessions": lambda _: memory.keep_sessions(),
    "bad-cache": bad_cache,
    "busy": busy,
    "crowded": crowded,
    "littered": littered,
}


async def inject(request: Request) -> Response:
    """Answer, then do it."""
    name = request.path_params["name"]
    if request.client is None or not ipaddress.ip_address(request.client.host).is_loopback:
        return JSONResponse({"error": "faults are injected from this machine only"}, status_code=403)
    if name not in FAULTS:
        return JSONResponse({"error": f"no such fault: {name}", "faults": list(FAULTS)}, status_code=404)
    asyncio.get_running_loop().call_later(_AFTER_THE_ANSWER, FAULTS[name], request.app.state.settings)
    return JSONResponse({"fault": name}, status_code=202)


ROUTES = [Route("/faults/{name}", inject, methods=["POST"])]
