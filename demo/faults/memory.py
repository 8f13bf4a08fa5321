"""The faults that fill the heap of the backend for real, each in its own way: those behind HighMemoryUsage,
and the leak behind HighErrorRate.

They need a stack that observes the backend among all that is around it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from demo.backend.heap import DATA_SET
from demo.faults.errors import around, failing
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.observed import FULL, HEAP
from demo.parts.waiting import until
from demo.systems.services import BACKEND, Services

SETTLED = 21
"""Seconds. So old a process has its start behind it."""
UPTIME = "time() - max(process_start_time_seconds)"
STAYS_FULL = f"min_over_time(({HEAP})[3s:1s])"
"""What the alert is raised by: full, and not only between two collections."""


@asynccontextmanager
async def leaks(services: Services) -> AsyncIterator[None]:
    """Memory is never given back."""
    await services.backend.inject("slow-leak")
    await _full(services)
    yield


@asynccontextmanager
async def leaks_until_requests_fail(services: Services) -> AsyncIterator[None]:
    """Memory is never given back; when little is left, heavy requests are shed."""
    await _settled(services)
    await services.backend.inject("leak")
    await _full(services)
    await failing(services)
    yield


@asynccontextmanager
async def jumps(services: Services) -> AsyncIterator[None]:
    """A large data set is loaded at once, and kept."""
    await _settled(services)
    await services.backend.inject("load-data-set")
    await _full(services)
    yield


@asynccontextmanager
async def cache_bloats(services: Services) -> AsyncIterator[None]:
    """A cache keeps every entry for ever."""
    await services.backend.inject("bloat-cache")
    await _full(services)
    yield


@asynccontextmanager
async def emitter_leaks(services: Services) -> AsyncIterator[None]:
    """Every request adds a listener, with what it holds, and removes none."""
    await services.backend.inject("collect-listeners")
    await _full(services)
    yield


@asynccontextmanager
async def needs_it_all(services: Services) -> AsyncIterator[None]:
    """What it loads at every start is nearly all that it may have."""
    services.backend.working_set.write_text(str(DATA_SET))
    try:
        await services.stop_service(BACKEND)
        await services.become_healthy()
        await _full(services)
        yield
    finally:
        services.backend.working_set.unlink()


async def _full(services: Services) -> None:
    """Wait until the heap stays above its threshold, of a process that is not young any more."""
    prometheus = around(services).prometheus

    async def room() -> str:
        used = await prometheus.value(STAYS_FULL)
        return "" if used and used >= FULL else f"{used or 0:.0%} of it is used"

    await until("the heap too full", room)
    await _settled(services)


async def _settled(services: Services) -> None:
    prometheus = around(services).prometheus

    async def young() -> str:
        age = await prometheus.value(UPTIME)
        return "" if age and age >= SETTLED else f"it runs for {age or 0:.0f} s"

    await until("a process that has its start behind it", young)


async def _has_room(services: Services) -> bool:
    used = await around(services).prometheus.value(STAYS_FULL)
    return used is not None and used < FULL


def _row(inject: Inject, cause: str, says: str, *, ends: bool = True) -> Fault:
    return Fault(
        inject,
        cause,
        says,
        "HighMemoryUsage",
        BACKEND,
        ends=ends,
        needs=OBSERVED,
        is_over=_has_room,
    )


FAULTS: dict[str, Fault] = {
    "memory-leak": Fault(
        leaks_until_requests_fail,
        "memory leak",
        "the backend leaks memory",
        "HighErrorRate",
        BACKEND,
        needs=OBSERVED,
    ),
    "heap-leaks": _row(leaks, "memory leak", "the backend keeps a little of every request for ever"),
    "heap-jumps": _row(jumps, "memory spike", "a large data set is loaded at once", ends=False),
    "heap-too-small": _row(needs_it_all, "unknown", "what it needs hardly fits into its heap", ends=False),
    "cache-bloats": _row(cache_bloats, "cache bloat", "a cache keeps every entry for ever"),
    "emitter-leaks": _row(emitter_leaks, "emitter leak", "listeners are added and never removed"),
}
