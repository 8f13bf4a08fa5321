"""The faults behind MemoryKeepsGrowing: a heap that grows, each time for another reason or for none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from demo.faults.errors import BROKEN_VERSION, around
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.faults.memory import UPTIME
from demo.observed import HEAP
from demo.parts.waiting import until
from demo.systems.services import BACKEND, Services

NEEDED = 0.35
"""The share of the heap that the backend needs, and a little more."""
GROWN = 0.1
"""The share of the limit by which the heap has grown when the alert comes."""
STEADY_FOR = 16
"""Seconds of a version that does not grow: all that the runbook looks back over."""
OLD_ENOUGH = 18
"""Seconds: its start is longer ago than whatever the runbook looks back over."""
KNOWN_FOR = 24
"""Seconds: two windows of the traffic after a start, and all that the runbook looks back over."""
QUIET = 0.5
BUSIER = 6.0
"""Of the usual traffic at first, and so many times that at the end: enough of it is still to come when a
machine is slow to look, or takes fewer requests."""
RISES_EVERY = 0.5
RISES = 1.07
"""The traffic is so many times what it was, twice a second."""


@asynccontextmanager
async def grows(services: Services, fault: str) -> AsyncIterator[None]:
    """Injected from the inside; the alert comes once the heap has grown."""
    await _known_for(services, OLD_ENOUGH)
    before = await _share(services)
    await services.inject(fault)
    await until("a larger heap", partial(_not_grown, services, before))
    yield


@asynccontextmanager
async def grows_for_good(services: Services) -> AsyncIterator[None]:
    """A restart changes nothing: it leaks from its start on."""
    services.backend.leaks.touch()
    try:
        async with grows(services, "slow-leak"):
            yield
    finally:
        services.backend.leaks.unlink()


@asynccontextmanager
async def grows_from_its_start(services: Services) -> AsyncIterator[None]:
    """It has just been started, and grows at once: nobody knows yet whether that ends."""
    services.backend.leaks.touch()
    await services.recreate_backend()
    await until("backend healthy", services.backend.is_healthy)
    services.backend.leaks.unlink()
    await until("a larger heap", partial(_not_grown, services, await _share(services)))
    yield


@asynccontextmanager
async def leaky_deployment(services: Services) -> AsyncIterator[None]:
    """A version that was steady is replaced by one that leaks."""
    await _known_for(services, STEADY_FOR)
    await services.deploy(BROKEN_VERSION)
    await until("backend healthy", services.backend.is_healthy)
    async with grows(services, "slow-leak"):
        yield


@asynccontextmanager
async def sessions(services: Services) -> AsyncIterator[None]:
    """More and more users, each of whom needs memory for a moment."""
    traffic = around(services).traffic
    usual = traffic.a_second

    async def rise() -> None:
        while traffic.a_second < BUSIER * QUIET * usual:
            await asyncio.sleep(RISES_EVERY)
            traffic.a_second *= RISES

    traffic.a_second = QUIET * usual
    try:
        await _known_for(services, STEADY_FOR)
        await services.recreate_backend()  # after a process that did not grow
        await until("backend healthy", services.backend.is_healthy)
        await services.inject("sessions")
        await _known_for(services, KNOWN_FOR)
        rising = asyncio.create_task(rise())
        try:
            before = await _share(services)
            await until("a larger heap", partial(_not_grown, services, before))
            yield
        finally:
            rising.cancel()
            with suppress(asyncio.CancelledError):
                await rising
    finally:
        traffic.a_second = usual


async def _known_for(services: Services, seconds: int) -> None:
    """Wait until its process is so old, by the word of Prometheus."""

    async def young() -> str:
        age = await around(services).prometheus.value(UPTIME)
        return "" if age and age >= seconds else f"it runs for {age or 0:.0f} s"

    await until("a process that is known for long", young)


async def _share(services: Services) -> float:
    async def unknown() -> str:
        return "" if await around(services).prometheus.value(HEAP) else "there is no sample"

    await until("a sample of the heap", unknown)
    return await around(services).prometheus.value(HEAP) or 0.0


async def _not_grown(services: Services, before: float) -> str:
    used = await around(services).prometheus.value(HEAP)
    return "" if used and used >= before + GROWN else f"{used or 0:.0%} of it is used, {before:.0%} before"


async def _given_back(services: Services) -> bool:
    used = await around(services).prometheus.value(HEAP)
    return used is not None and used < NEEDED


def _row(inject: Inject | str, cause: str, says: str, *, asks: bool = True, ends: bool = True) -> Fault:
    injected = partial(grows, fault=inject) if isinstance(inject, str) else inject
    return Fault(
        injected,
        cause,
        says,
        "MemoryKeepsGrowing",
        BACKEND,
        asks=asks,
        ends=ends,
        needs=OBSERVED,
        is_over=_given_back,
    )


FAULTS: dict[str, Fault] = {
    "memory-grows": _row("slow-leak", "leak", "a little of each request is kept for ever"),
    "memory-grows-for-good": _row(grows_for_good, "leak", "it leaks anew after each restart", ends=False),
    "listeners-grow": _row("collect-listeners", "emitter leak", "an emitter collects listeners"),
    "cache-grows": _row("bloat-cache", "cache without a bound", "a cache without a bound"),
    "memory-warms-up": _row(grows_from_its_start, "unknown", "it grows at once after its start"),
    "leaky-deployment": _row(leaky_deployment, "leak since the deployment", "a new version leaks"),
    "cache-fills": _row("cache-fills", "a cache that levels off", "a cache fills up", asks=False),
    "heap-steps": _row("load-slowly", "one step", "one large data set is loaded", asks=False),
    "memory-returns": _row("gives-back", "grows no more", "what grew is collected", asks=False),
    "busier": _row(sessions, "grows with the traffic", "more users need more memory", asks=False),
}
