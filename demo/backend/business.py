"""The business API of the demo's backend: products, videos, costs and revenue.

In the degraded mode nobody outside is called: ideas come from the cache, jobs are queued with 202.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend.database import Database
from demo.backend.degradation import is_degraded, knows_the_token
from demo.backend.outside import LimitedError, Outside
from demo.backend.settings import BackendSettings
from demo.parts.video_state import VideoState

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
    ) or await _rows(
        request,
        "INSERT INTO products (name, roi, synced_at)"
        " SELECT 'product ' || n, 0.5 + n * 0.15, now() FROM generate_series(1, $1::int) n"
        " WHERE NOT EXISTS (SELECT FROM products) RETURNING id",
        count,
    )
    return JSONResponse({"synced": len(rows)}, status_code=202)


async def ideas(request: Request) -> Response:
    if is_degraded(request):
        return JSONResponse({"ideas": _CACHED_IDEAS, "cached": True})
    return JSONResponse({"ideas": await _outside(request).ideas(), "cached": False})


def _state(request: Request) -> VideoState:
    settings: BackendSettings = request.app.state.settings
    return VideoState.read(settings.state)


async def _spent(request: Request, state: VideoState) -> float:
    """Dollars since a day ago, or since the budget was reset."""
    since = state.resets_at if 0 < state.resets_at <= time.time() else 0.0
    (row,) = await _rows(
        request,
        "SELECT coalesce(sum(dollars), 0)::float AS spent FROM costs"
        " WHERE at > greatest(now() - interval '1 day', to_timestamp($1::float))",
        since,
    )
    return float(row["spent"])


async def generate(request: Request) -> Response:
    """Have videos made; they come later. The degraded mode only queues the wish."""
    if is_degraded(request):
        return JSONResponse({"queued": True}, status_code=202)
    state = _state(request)
    if state.paused_by:
        return JSONResponse({"error": f"paused by {state.paused_by}"}, status_code=423)
    if await _spent(request, state) >= state.budget:
        return JSONResponse({"error": "today's budget is reached"}, status_code=402)
    (row,) = await _rows(request, "SELECT count(*)::int AS count FROM products")
    if not row["count"]:
        return JSONResponse({"error": "there is no product to make a video of"}, status_code=422)
    if await _outside(request).generate_videos(backup=state.backup):
        return JSONResponse({"accepted": True}, status_code=202)
    return JSONResponse({"generated": await _store(request, 5)}, status_code=202)


async def store(request: Request) -> Response:
    """The orchestrator's workflow brings what was made."""
    return JSONResponse({"stored": await _store(request, int((await request.json())["count"]))})


async def _store(request: Request, count: int) -> int:
    rows = await _rows(
        request,
        "INSERT INTO videos (product, state, generated_at)"
        " SELECT id, 'generated', now() FROM products ORDER BY roi DESC LIMIT $1::int RETURNING id",
        count,
    )
    return len(rows)


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
    paused_by = _state(request).paused_by
    told = {"queued": states.get("queued", 0), "generated": states.get("generated", 0)}
    return JSONResponse({**told, "paused": bool(paused_by), "pausedBy": paused_by or None})


async def budget_status(request: Request) -> Response:
    state = _state(request)
    spent = await _spent(request, state)
    told: dict[str, Any] = {"budgetDollars": state.budget, "spentDollars": spent}
    if state.resets_at > time.time():
        told["resetsAt"] = datetime.fromtimestamp(state.resets_at, UTC).isoformat()
    return JSONResponse({**told, "reached": spent >= state.budget})


async def set_budget(request: Request) -> Response:
    """`{"budgetDollars": 150}`, with the token."""
    if not knows_the_token(request):
        return JSONResponse({"error": "the token of the switch is needed"}, status_code=401)
    _change(request, budget=float((await request.json())["budgetDollars"]))
    return await budget_status(request)


async def set_generator(request: Request) -> Response:
    """`{"backup": true}` or false, with the token."""
    if not knows_the_token(request):
        return JSONResponse({"error": "the token of the switch is needed"}, status_code=401)
    _change(request, backup=bool((await request.json())["backup"]))
    return JSONResponse({"backup": _state(request).backup})


def _change(request: Request, **changes: Any) -> None:
    settings: BackendSettings = request.app.state.settings
    _state(request).write(settings.state, **changes)


async def daily_summary(request: Request) -> Response:
    rows = await _rows(
        request,
        "SELECT provider, sum(dollars)::float AS dollars FROM costs"
        " WHERE at > now() - interval '1 day' GROUP BY provider ORDER BY provider",
    )
    by_provider = {row["provider"]: row["dollars"] for row in rows}
    return JSONResponse({"totalDollars": sum(by_provider.values()), "byProvider": by_provider})


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
    Route("/api/orchestrator/generate-videos", generate, methods=["POST"]),
    Route("/api/videos", store, methods=["POST"]),
    Route("/api/videos/last-generated", last_generated),
    Route("/api/videos/queue-status", queue_status),
    Route("/api/videos/generator", set_generator, methods=["POST"]),
    Route("/api/cost-tracking/budget-status", budget_status),
    Route("/api/cost-tracking/budget", set_budget, methods=["POST"]),
    Route("/api/products/last-sync", last_sync),
    Route("/api/products/count", product_count),
    Route("/api/products/{id:int}", product),
    Route("/api/orchestrator/sync-products", sync_products, methods=["POST"]),
    Route("/api/videos/ideas", ideas),
    Route("/api/cost-tracking/daily-summary", daily_summary),
    Route("/api/analytics/revenue", revenue),
    Route("/api/analytics/products", product_analytics),
    Route("/api/analytics/platform-comparison", platform_comparison),
]
