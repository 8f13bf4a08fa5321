"""The faults behind ProductionSlow: each makes the backend answer its users too late, for real.

They need a stack that observes the backend among all that is around it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from demo.faults.errors import around
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.observed import CPU, CPU_FULL, P95, SLOW, TRAFFIC
from demo.parts.waiting import until
from demo.systems.services import BACKEND, Services
from demo.systems.surroundings import Traffic

VISITS = 600_000
STEPS = 3000
PROVIDER_TAKES = 0.6
"""Seconds: the backend waits for one."""
SLOW_VERSION = "3"
USUAL_FOR = 25
"""Seconds: longer than it is slow before the alert comes."""

SEVERAL = 3
"""Routes that are slow when it is not one of them alone."""
IDLE_FOR = 4
"""Seconds: twice what the configuration of the demo allows."""
_IDLE_FOR = """
SELECT extract(epoch FROM now() - state_change)::float FROM pg_stat_activity
WHERE pid = $1 AND state = 'idle in transaction'
"""
Sign = Callable[[Services], Awaitable[str]]
"""Says what is not so yet; an empty string once it is."""

_COUNT_NOW = "SELECT pg_stat_force_next_flush()"
"""What a session has written is otherwise counted up to a second later, as if done after an ANALYZE."""


@asynccontextmanager
async def old_statistics(services: Services) -> AsyncIterator[None]:
    """Two tables had twenty rows when they were analyzed, and have 3,000 now: the join is still a loop."""
    tables = {
        name: f"CREATE TABLE {name} (id int, state text) WITH (autovacuum_enabled = off)"
        for name in ("jobs", "steps")
    }
    async with _tables(services, tables) as session:
        for name in tables:
            await session.execute(f"INSERT INTO {name} SELECT n, 'new' FROM generate_series(1, 20) n")
            await session.execute(_COUNT_NOW)
            await session.execute(f"ANALYZE {name}")
            await session.execute(f"INSERT INTO {name} SELECT n, 'x' FROM generate_series(21, {STEPS}) n")
        await session.execute(_COUNT_NOW)
        async with _asked(services, "GET /api/reports/steps", a_second=1):
            yield


@asynccontextmanager
async def missing_index(services: Services) -> AsyncIterator[None]:
    """A report looks for the visits of each product, and no index helps it."""
    async with _visits(services), _asked(services, "GET /api/reports/visits"):
        yield


@asynccontextmanager
async def never_analyzed(services: Services) -> AsyncIterator[None]:
    """The same, and nobody has analyzed the table: but new statistics alone do not help."""
    async with _visits(services, analyzed=False), _asked(services, "GET /api/reports/visits"):
        yield


@asynccontextmanager
async def slow_statement(services: Services) -> AsyncIterator[None]:
    """A report counts all pages, and no index could help it."""
    async with _visits(services), _asked(services, "GET /api/reports/pages"):
        yield


@asynccontextmanager
async def locked(services: Services) -> AsyncIterator[None]:
    """A session of the application has locked the costs, and does nothing for longer than is usual."""
    session = await asyncpg.connect(services.cluster.url, server_settings={"application_name": "cost-import"})
    others = await asyncpg.connect(services.cluster.url)

    async def works() -> str:
        idle = await others.fetchval(_IDLE_FOR, session.get_server_pid())
        return "" if idle and idle > IDLE_FOR else f"it has been idle for {idle} s"

    try:
        await session.execute("BEGIN; LOCK TABLE costs IN ACCESS EXCLUSIVE MODE")
        await until("the session that locked the costs idle", works)
        async with _slow(services):
            yield
    finally:
        session.terminate()
        await others.close()


@asynccontextmanager
async def slow_provider(services: Services) -> AsyncIterator[None]:
    """The provider of texts takes its time; on the way out it is fast again."""
    slow = around(services).provider_slow
    slow.write_text(str(PROVIDER_TAKES))
    try:
        async with _slow(services):
            yield
    finally:
        slow.unlink(missing_ok=True)


@asynccontextmanager
async def slow_deployment(services: Services) -> AsyncIterator[None]:
    """A new version is deployed, and one of its routes is slow."""
    around(services)
    await services.deploy(SLOW_VERSION)
    async with _slow(services):
        yield


@asynccontextmanager
async def garbage(services: Services) -> AsyncIterator[None]:
    """So many small objects are kept that much of the time goes into collecting garbage."""
    await services.backend.inject("littered")
    async with _slow(services, _several_routes):
        yield


@asynccontextmanager
async def crowded(services: Services) -> AsyncIterator[None]:
    """Many threads compute, and the requests of the users wait for their turn; on the way out they end."""
    load = services.backend.load
    load.touch()
    try:
        await services.backend.inject("crowded")
        async with _slow(services, _cpu_in_use):
            yield
    finally:
        load.unlink()


@asynccontextmanager
async def more_traffic(services: Services) -> AsyncIterator[None]:
    """Four times as many requests, of which most are for charts that the backend computes itself.

    Prometheus knows for long enough what is usual.
    """

    async def not_known() -> str:
        known = await around(services).prometheus.value(f"count_over_time(({TRAFFIC})[2m:1s])")
        return "" if known and known >= USUAL_FOR else f"the traffic is known for {known or 0:g} s"

    await until("the usual traffic known", not_known)
    async with _asked(services, "GET /api/reports/chart", _cpu_in_use, a_second=40, at_once=12):
        yield


@asynccontextmanager
async def _tables(services: Services, tables: dict[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """Tables of the application, gone on the way out."""
    session = await asyncpg.connect(services.cluster.url)
    gone = f"DROP TABLE IF EXISTS {', '.join(tables)}"
    try:
        await session.execute(gone)
        for statement in tables.values():
            await session.execute(statement)
        yield session
        await session.execute(f"SET lock_timeout = '5s'; {gone}")
    finally:
        session.terminate()


@asynccontextmanager
async def _visits(services: Services, *, analyzed: bool = True) -> AsyncIterator[None]:
    table = "CREATE TABLE visits (id serial, visitor int, page text) WITH (autovacuum_enabled = off)"
    async with _tables(services, {"visits": table}) as session:
        await session.execute(
            "INSERT INTO visits (visitor, page)"
            f" SELECT n % 5000, 'page ' || n % 900 FROM generate_series(1, {VISITS}) n"
        )
        if analyzed:
            await session.execute(_COUNT_NOW)
            await session.execute("ANALYZE visits")
        yield


@asynccontextmanager
async def _asked(
    services: Services, route: str, *also: Sign, a_second: float = 2, at_once: int = 40
) -> AsyncIterator[None]:
    """Users ask for one more route, and it is slow."""
    traffic = Traffic(services.backend.url, (route,), a_second=a_second, at_once=at_once)
    await traffic.start()
    try:
        async with _slow(services, *also):
            yield
    finally:
        await traffic.stop()


@asynccontextmanager
async def _slow(services: Services, *also: Sign) -> AsyncIterator[None]:
    """Entered when Prometheus knows that it is slow, which raises the alert, and at the same time the
    other signs of the fault."""

    async def missing() -> str:
        for sign in (_late, *also):
            if reason := await sign(services):
                return reason
        return ""

    await until("late answers for the users", missing)
    yield


async def _late(services: Services) -> str:
    p95 = await around(services).prometheus.value(P95)
    return "" if p95 and p95 > SLOW else f"p95 is {p95}"


async def _several_routes(services: Services) -> str:
    slow = await around(services).prometheus.value(f"count({P95.replace('(le)', '(le, route)')} > {SLOW})")
    return "" if slow and slow >= SEVERAL else f"{slow or 0:g} routes are slow"


async def _in_time(services: Services) -> bool:
    """As the rule that raised the alert sees it."""
    p95 = await around(services).prometheus.value(P95)
    return p95 is not None and p95 < SLOW


async def _cpu_in_use(services: Services) -> str:
    cores = await around(services).prometheus.value(CPU)
    return "" if cores and cores >= CPU_FULL else f"{cores} cores are in use"


def _row(inject: Inject, cause: str, says: str, *, asks: bool = False, ends: bool = True) -> Fault:
    return Fault(
        inject,
        cause,
        says,
        "ProductionSlow",
        BACKEND,
        asks=asks,
        ends=ends,
        needs=OBSERVED,
        is_over=_in_time,
    )


FAULTS: dict[str, Fault] = {
    "old-statistics": _row(old_statistics, "old statistics", "tables have grown since they were analyzed"),
    "missing-index": _row(missing_index, "missing index", "a report reads a large table whole", ends=False),
    "never-analyzed": _row(never_analyzed, "old statistics", "the same, without statistics", ends=False),
    "slow-statement": _row(slow_statement, "slow statements", "a report counts everything", ends=False),
    "costs-locked": _row(locked, "locks", "a session that does nothing has locked the costs", asks=True),
    "slow-provider": _row(slow_provider, "slow provider", "the provider of texts takes its time"),
    "slow-deployment": _row(slow_deployment, "bad deployment", "a new version slows a route", asks=True),
    "garbage": _row(garbage, "short of memory", "much of the time goes into collecting garbage"),
    "busy-cpu": _row(crowded, "busy CPU", "many threads compute", ends=False),
    "more-traffic": _row(more_traffic, "more traffic", "four times as many requests", ends=False),
}
