"""The business API of the demo's backend: products, videos, costs and revenue.

In the degraded mode nobody outside is called: ideas come from the cache, jobs are queued with 202.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend.database import Database
from demo.backend.degradation import is_degraded
from demo.backend.outside import LimitedError, Outside

DAILY_BUDGET = 100.0
"""Dollars a day."""
_LONGEST_PERIOD = 90
_CACHED_IDEAS = ["the five that sold best last week"]


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _outside(request: Request) -> Outside:
    outside: Outside = request.app.state.outside
    return outside


async def _rows(request: Request, query: str, *values: Any) -> list[dict[str, Any]]:
    async with _database(request).connection() as connection:
        return [dict(row) for row in await connection.fetch(query, *values)]


async def last_sync(request: Request) -> Response:
    (row,) = await _rows(
        request,
        "SELECT max(synced_at)::text AS at, extract(epoch FROM now() - max(synced_at))::float AS age"
        " FROM products",
    )
    return JSONResponse({"lastSync": row["at"], "ageSeconds": row["age"]})


async def product_count(request: Request) -> Response:
    (row,) = await _rows(request, "SELECT count(*)::int AS count FROM products")
    return JSONResponse(row)


async def product(request: Request) -> Response:
    """One product. A return that is no number cannot be shown: JSON has no word for it."""
    rows = await _rows(
        request, "SELECT id, name, roi FROM products WHERE id = $1::int", request.path_params["id"]
    )
    return JSONResponse(rows[0]) if rows else JSONResponse({"error": "no such product"}, status_code=404)


async def sync_products(request: Request) -> Response:
    content = await request.body()
    limit = json.loads(content).get("limit") if content else None
    try:
        count = await _outside(request).sync_products(limit)
    except LimitedError as limited:
        headers = {"Retry-After": limited.retry_after} if limited.retry_after else None
        return JSONResponse({"error": str(limited)}, status_code=429, headers=headers)
    rows = await _rows(
        request,
        "UPDATE products SET synced_at = now() WHERE id IN"
        " (SELECT id FROM products ORDER BY synced_at LIMIT $1::int) RETURNING id",
        count,
    )
    return JSONResponse({"synced": len(rows)}, status_code=202)


async def ideas(request: Request) -> Response:
    if is_degraded(request):
        return JSONResponse({"ideas": _CACHED_IDEAS, "cached": True})
    return JSONResponse({"ideas": await _outside(request).ideas(), "cached": False})


async def generate_videos(request: Request) -> Response:
    if is_degraded(request):
        return JSONResponse({"queued": True}, status_code=202)
    await _outside(request).ideas()
    rows = await _rows(
        request,
        "INSERT INTO videos (product, state, generated_at)"
        " SELECT id, 'generated', now() FROM products ORDER BY roi DESC LIMIT 5 RETURNING id",
    )
    return JSONResponse({"generated": len(rows)}, status_code=202)


async def last_generated(request: Request) -> Response:
    (row,) = await _rows(
        request,
        "SELECT max(generated_at)::text AS at, extract(epoch FROM now() - max(generated_at))::float AS age,"
        " max(published_at)::text AS published FROM videos",
    )
    return JSONResponse(
        {"lastGenerated": row["at"], "ageSeconds": row["age"], "lastPublished": row["published"]}
    )


async def queue_status(request: Request) -> Response:
    rows = await _rows(request, "SELECT state, count(*)::int AS count FROM videos GROUP BY state")
    states = {row["state"]: row["count"] for row in rows}
    return JSONResponse({"queued": states.get("queued", 0), "generated": states.get("generated", 0)})


async def daily_summary(request: Request) -> Response:
    rows = await _rows(
        request,
        "SELECT provider, sum(dollars)::float AS dollars FROM costs"
        " WHERE at > now() - interval '1 day' GROUP BY provider ORDER BY provider",
    )
    by_provider = {row["provider"]: row["dollars"] for row in rows}
    return JSONResponse({"totalDollars": sum(by_provider.values()), "byProvider": by_provider})


async def budget_status(request: Request) -> Response:
    (row,) = await _rows(
        request,
        "SELECT coalesce(sum(dollars), 0)::float AS spent FROM costs WHERE at > now() - interval '1 day'",
    )
    reached = row["spent"] >= DAILY_BUDGET
    return JSONResponse({"budgetDollars": DAILY_BUDGET, "spentDollars": row["spent"], "reached": reached})


async def revenue(request: Request) -> Response:
    period = request.query_params.get("period", "7d").removesuffix("d")
    if not period.isdecimal() or not 1 <= int(period) <= _LONGEST_PERIOD:
        return JSONResponse({"error": "period is a number of days, such as 7d"}, status_code=400)
    rows = await _rows(
        request,
        "SELECT day::text, platform, dollars::float FROM revenue"
        " WHERE day > current_date - $1::int ORDER BY day, platform",
        int(period),
    )
    return JSONResponse({"period": f"{period}d", "currency": "USD", "days": rows})


async def product_analytics(request: Request) -> Response:
    limit = request.query_params.get("limit", "10")
    if not limit.isdecimal():
        return JSONResponse({"error": "limit is a number"}, status_code=400)
    rows = await _rows(request, "SELECT id, name, roi FROM products ORDER BY roi LIMIT $1::int", int(limit))
    return JSONResponse({"products": rows})


async def platform_comparison(request: Request) -> Response:
    rows = await _rows(
        request,
        "SELECT platform, sum(dollars) FILTER (WHERE day = current_date)::float AS today,"
        " sum(dollars) FILTER (WHERE day = current_date - 1)::float AS yesterday,"
        ' sum(dollars) FILTER (WHERE day = current_date - 2)::float AS "dayBefore",'
        ' sum(dollars) FILTER (WHERE day = current_date - 8)::float AS "weekBefore"'
        " FROM revenue GROUP BY platform ORDER BY platform",
    )
    return JSONResponse({"platforms": rows})


ROUTES = [
    Route("/api/products/last-sync", last_sync),
    Route("/api/products/count", product_count),
    Route("/api/products/{id:int}", product),
    Route("/api/orchestrator/sync-products", sync_products, methods=["POST"]),
    Route("/api/orchestrator/generate-videos", generate_videos, methods=["POST"]),
    Route("/api/videos/ideas", ideas),
    Route("/api/videos/last-generated", last_generated),
    Route("/api/videos/queue-status", queue_status),
    Route("/api/cost-tracking/daily-summary", daily_summary),
    Route("/api/cost-tracking/budget-status", budget_status),
    Route("/api/analytics/revenue", revenue),
    Route("/api/analytics/products", product_analytics),
    Route("/api/analytics/platform-comparison", platform_comparison),
]
