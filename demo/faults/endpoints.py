"""The faults behind BrokenEndpoint: one route fails for its users, and the others answer.

Once it is out of service its authors repair it, as they do while users read a maintenance message.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from demo.faults.errors import around, bad_deployment, database_stopped, provider_down
from demo.faults.fault import OBSERVED, Fault, Inject
from demo.parts.http import plain_client
from demo.parts.waiting import until
from demo.systems.services import BACKEND, Services
from demo.systems.surroundings import Traffic

IN_CODE = "/api/cost-tracking/budget-status"
BY_DEPLOYMENT = "/api/analytics/products"
IN_DATA = "/api/products/{id}"
BROKEN_RECORD = 7
OF_PROVIDER = "/api/videos/ideas"
OF_DATABASE = "/api/products/count"

_WITH_A_ROUTE = "route"
_REPAIR_TAKES = 2.0
"""Seconds."""


@asynccontextmanager
async def broken_code(services: Services) -> AsyncIterator[None]:
    """A feature is switched on whose code does not work. Its authors switch it off once nobody is hurt."""
    feature = services.backend.broken_feature

    async def repair() -> None:
        feature.unlink(missing_ok=True)

    feature.touch()
    async with _broken(services, IN_CODE, IN_CODE, repair):
        yield


@asynccontextmanager
async def broken_data(services: Services) -> AsyncIterator[None]:
    """One product has a return that is no number: what shows it fails, and all others are shown."""
    path = IN_DATA.format(id=BROKEN_RECORD)
    users = Traffic(services.backend.url, (f"GET {path}", "GET /api/products/1"))

    async def set_to(roi: str) -> None:
        async with services.cluster.superuser() as session:
            await session.execute(f"UPDATE products SET roi = '{roi}' WHERE id = {BROKEN_RECORD}")

    await set_to("NaN")
    await users.start()
    try:
        async with _broken(services, path, IN_DATA, partial(set_to, "1.25")):
            yield
    finally:
        await users.stop()


@asynccontextmanager
async def _broken(
    services: Services, path: str, route: str, repair: Callable[[], Awaitable[None]]
) -> AsyncIterator[None]:
    """Until it is repaired: once it is out of service, and in any case on the way out."""

    async def repair_behind_the_switch() -> None:
        await until(f"{route} out of service", partial(_is_open, services, route), within=150)
        await asyncio.sleep(_REPAIR_TAKES)
        await repair()

    around(services)
    repairing = asyncio.create_task(repair_behind_the_switch())
    try:
        await until(f"errors at {path}", partial(_answers, services, path))
        yield
    finally:
        repairing.cancel()
        with suppress(asyncio.CancelledError):
            await repairing
        await repair()


async def _is_open(services: Services, route: str) -> str:
    with suppress(FileNotFoundError, ValueError):  # it is being written
        return "" if route in json.loads(services.backend.closed.read_text()) else "others are"
    return "nothing is"


async def _answers(services: Services, path: str) -> str:
    async with plain_client(3.0) as client:
        status = (await client.get(services.backend.url + path)).status_code
    return "" if status >= 500 else f"it answers {status}"


def _row(inject: Inject, cause: str, says: str, route: str, *, asks: bool = True) -> Fault:
    labels = {_WITH_A_ROUTE: route}
    return Fault(inject, cause, says, "BrokenEndpoint", BACKEND, asks=asks, needs=OBSERVED, labels=labels)


FAULTS: dict[str, Fault] = {
    "endpoint-code": _row(broken_code, "its code", "a feature of one route does not work", IN_CODE),
    "endpoint-deployment": _row(
        bad_deployment, "bad deployment", "a new version breaks one route", BY_DEPLOYMENT
    ),
    "endpoint-data": _row(broken_data, "its data", "one record cannot be shown", IN_DATA),
    "endpoint-provider": _row(
        provider_down, "external API down", "a route needs a provider that is down", OF_PROVIDER, asks=False
    ),
    "endpoint-database": _row(
        database_stopped, "database lost", "a route needs a database that is stopped", OF_DATABASE, asks=False
    ),
}
