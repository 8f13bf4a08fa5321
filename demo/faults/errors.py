"""The faults behind HighErrorRate: each makes the backend answer 5xx to its users, for real.

They need a stack that observes the backend among all that is around it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from demo.faults.database import pool_exhausted
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.faults.service import database_lost
from demo.observed import CPU, CPU_FULL, RATIO, TRAFFIC
from demo.parts.waiting import until
from demo.systems.services import BACKEND, Services
from demo.systems.surroundings import Surroundings

BROKEN_VERSION = "2"
TOO_MANY = 0.08
"""Well above the threshold of five percent, so that it does not waver around it."""


def around(services: Services) -> Surroundings:
    """What is around the backend; these faults are nothing without it."""
    assert services.surroundings is not None, "this fault needs an observed stack"
    return services.surroundings


@asynccontextmanager
async def database_stopped(services: Services) -> AsyncIterator[None]:
    """PostgreSQL crashes; whatever needs it answers 503."""
    async with database_lost(services):
        await failing(services)
        yield


@asynccontextmanager
async def deadlock(services: Services) -> AsyncIterator[None]:
    """A forgotten session locks the table of costs; requests that need it time out."""
    around(services)
    async with services.cluster.superuser() as session:
        await session.execute("SET application_name = 'cost-import'")
        await session.execute("BEGIN; LOCK TABLE costs IN ACCESS EXCLUSIVE MODE")
        await failing(services)
        yield


@asynccontextmanager
async def pool_empty(services: Services) -> AsyncIterator[None]:
    """The backend's own jobs keep all connections of its pool."""
    async with pool_exhausted(services):
        await failing(services)
        yield


@asynccontextmanager
async def provider_down(services: Services) -> AsyncIterator[None]:
    """The provider of texts is killed; on the way out it comes back, on the same address."""
    provider = around(services).provider
    await provider.kill()
    try:
        await failing(services)
        yield
    finally:
        await provider.start()


@asynccontextmanager
async def bad_deployment(services: Services) -> AsyncIterator[None]:
    """A new version is deployed, and one of its routes is broken."""
    around(services)
    await services.deploy(BROKEN_VERSION)
    await failing(services)
    yield


@asynccontextmanager
async def workflows_fail(services: Services) -> AsyncIterator[None]:
    """The shop refuses the application: its workflows fail, and the requests that wait for them."""
    refuses = around(services).shop_refuses
    refuses.touch()
    try:
        await failing(services)
        yield
    finally:
        refuses.unlink()


@asynccontextmanager
async def overloaded(services: Services) -> AsyncIterator[None]:
    """More to compute than there is CPU for; on the way out the load is gone."""
    load = services.backend.load
    load.touch()
    try:
        await services.backend.inject("busy")
        await failing(services)
        await until("the CPU in use", partial(_cpu_in_use, services))
        yield
    finally:
        load.unlink()


@asynccontextmanager
async def bad_cache(services: Services) -> AsyncIterator[None]:
    """One entry of the cache cannot be read any more. Nothing tells why; a restart loads it anew."""
    await services.backend.inject("bad-cache")
    await failing(services)
    yield


@asynccontextmanager
async def bad_cache_for_good(services: Services) -> AsyncIterator[None]:
    """The cache is broken where it is loaded from: a restart changes nothing."""
    services.backend.bad_cache.touch()
    try:
        async with bad_cache(services):
            yield
    finally:
        services.backend.bad_cache.unlink()


@asynccontextmanager
async def no_users(services: Services) -> AsyncIterator[None]:
    """Nobody asks anything any more."""
    traffic = around(services).traffic
    await traffic.stop()
    try:
        await until("no traffic", partial(_asked, services))
        yield
    finally:
        await traffic.start()


@asynccontextmanager
async def nobody_sees(services: Services) -> AsyncIterator[None]:
    """Prometheus is killed; on the way out it comes back."""
    prometheus = around(services).prometheus
    await prometheus.kill()
    try:
        yield
    finally:
        await prometheus.start()


async def _cpu_in_use(services: Services) -> str:
    cores = await around(services).prometheus.value(CPU)
    return "" if cores and cores >= CPU_FULL else f"{cores} cores are in use"


async def _asked(services: Services) -> str:
    traffic = await around(services).prometheus.value(TRAFFIC)
    return f"{traffic} requests a second" if traffic != 0 else ""


async def failing(services: Services) -> None:
    """Wait until Prometheus knows that too many requests fail: what the alert is raised by."""
    prometheus = around(services).prometheus

    async def too_few() -> str:
        ratio = await prometheus.value(RATIO)
        return "" if ratio and ratio > TOO_MANY else f"the ratio is {ratio}"

    await until("errors for the users", too_few)


def _row(
    inject: Inject,
    cause: str,
    says: str,
    *,
    asks: bool = False,
    ends: bool = True,
) -> Fault:
    return Fault(inject, cause, says, "HighErrorRate", BACKEND, asks=asks, ends=ends, needs=OBSERVED)


FAULTS: dict[str, Fault] = {
    "errors-database-stopped": _row(database_stopped, "database lost", "PostgreSQL crashes under load"),
    "errors-deadlock": _row(deadlock, "database deadlock", "a session locks the costs for good", asks=True),
    "errors-pool-empty": _row(pool_empty, "pool exhausted", "the backend's jobs use up its pool"),
    "provider-down": _row(provider_down, "external API down", "the provider of texts is down"),
    "bad-deployment": _row(bad_deployment, "bad deployment", "a new version breaks a route", asks=True),
    "workflows-fail": _row(
        workflows_fail, "workflow failures", "the application's workflows fail", ends=False
    ),
    "overloaded": _row(overloaded, "out of capacity", "more to compute than there is CPU for", ends=False),
    "bad-cache": _row(bad_cache, "unknown", "the backend fails, and nothing tells why"),
    "bad-cache-for-good": _row(bad_cache_for_good, "unknown", "a restart does not help", ends=False),
    "no-users": _row(no_users, "", "nobody uses the backend", ends=False),
    "prometheus-down": _row(nobody_sees, "", "Prometheus is down", ends=False),
}
