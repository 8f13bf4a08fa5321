"""Reports of the demo's backend: each is slow in a way of its own, once there is enough to report on.

Nobody asks for them unless a fault does. Their tables are made by the fault.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend.database import Database
from demo.backend.pressure import compute

_DRAWN_AT_ONCE = 6
_CHART_TAKES = 0.3
"""Seconds, of which it computes as long as there is CPU, on every machine. Forty a second are too many."""

_drawing = ThreadPoolExecutor(_DRAWN_AT_ONCE)

QUERIES = {
    "visits": "SELECT p.id, (SELECT count(*) FROM visits v WHERE v.visitor = p.id * 7) FROM products p",
    "steps": "SELECT count(*) FROM jobs JOIN steps USING (id) WHERE jobs.state = 'x' AND steps.state = 'x'",
    "pages": "SELECT count(DISTINCT page || visitor) FROM visits",
}


async def report(request: Request) -> Response:
    """One of the queries; 404 while its tables are not there."""
    database: Database = request.app.state.database
    query = QUERIES.get(request.path_params["name"])
    if query is None:
        return JSONResponse({"error": "there is no such report"}, status_code=404)
    async with database.connection() as connection:
        try:
            rows = await connection.fetch(query)
        except asyncpg.UndefinedTableError as error:
            return JSONResponse({"error": str(error)}, status_code=404)
    return JSONResponse({"rows": len(rows)})


async def chart(request: Request) -> Response:
    """Computed by the backend itself. The others wait for one of its threads; Prometheus waits for none."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        videos = await connection.fetchval("SELECT count(*) FROM videos")
    await asyncio.get_running_loop().run_in_executor(_drawing, _draw)
    return JSONResponse({"videos": videos})


def _draw() -> None:
    until = time.monotonic() + _CHART_TAKES
    compute(lambda: time.monotonic() < until)


ROUTES = [Route("/api/reports/chart", chart), Route("/api/reports/{name}", report)]
