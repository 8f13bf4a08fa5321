"""The faults behind RevenueDeclining: real rows of revenue, products and videos, put back on the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from demo.faults.fault import Fault, Inject
from demo.systems.services import Services

_YESTERDAY, _SAME_WEEKDAY = "day = current_date - 1", "day = current_date - 8"
_KEPT = ("revenue", "products", "videos")


def changed(*statements: str) -> Inject:
    """Change rows, as imports and people do."""

    @asynccontextmanager
    async def inject(services: Services) -> AsyncIterator[None]:
        async with services.cluster.superuser() as superuser:
            kept = {table: await superuser.fetch(f"SELECT * FROM {table}") for table in _KEPT}
            for statement in statements:
                await superuser.execute(statement)
        try:
            yield
        finally:
            async with services.cluster.superuser() as superuser:
                for table, rows in kept.items():
                    await _put_back(superuser, table, rows)

    return inject


async def _put_back(superuser: asyncpg.Connection, table: str, rows: Sequence[asyncpg.Record]) -> None:
    async with superuser.transaction():
        await superuser.execute(f"DELETE FROM {table}")
        await superuser.copy_records_to_table(table, records=[tuple(row.values()) for row in rows])


def _less(share: float, where: str) -> str:
    return f"UPDATE revenue SET dollars = dollars * {share} WHERE {where}"


EVERYWHERE = _less(0.7, _YESTERDAY)
"""A third less on every platform, and more than a week ago."""
NO_VIDEOS = "UPDATE videos SET generated_at = now() - interval '30 hours'"
UNPUBLISHED = "UPDATE videos SET published_at = now() - interval '30 hours'"

_fault = partial(Fault, alert="RevenueDeclining", ends=False, reports=True)

FAULTS: dict[str, Fault] = {
    "revenue-falls": _fault(changed(EVERYWHERE), "unknown", "every platform earns a third less"),
    "weekend": _fault(
        changed(_less(0.4, _YESTERDAY), _less(0.4, _SAME_WEEKDAY)),
        "weekly pattern",
        "on this weekday every platform earns less",
    ),
    "platform-falls": _fault(
        changed(_less(0.1, f"{_YESTERDAY} AND platform = 'youtube'")),
        "one platform fell",
        "one platform earns a tenth of the day before",
    ),
    "revenue-without-videos": _fault(
        changed(EVERYWHERE, NO_VIDEOS), "no videos", "no video for 30 hours, and less revenue everywhere"
    ),
    "revenue-unpublished": _fault(
        changed(EVERYWHERE, UNPUBLISHED), "no videos", "videos are generated, and not published"
    ),
    "losing-products": _fault(
        changed(EVERYWHERE, "UPDATE products SET roi = 0.2 WHERE id <= 2"),
        "products that lose money",
        "two products return a fifth of what is spent on them",
    ),
    "revenue-not-imported": Fault(
        changed(f"DELETE FROM revenue WHERE {_YESTERDAY}"),
        "",
        "the revenue of yesterday is not imported yet",
        "RevenueDeclining",
        ends=False,
    ),
}
