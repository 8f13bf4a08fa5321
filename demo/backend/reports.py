"""Reports of the demo's backend: each is slow in a way of its own, once there is enough to report on.

Nobody asks for them unless a fault does. Their tables are made by the fault.
"""

from __future__ import annotations

import hashlib

import asyncpg
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend.database import Database

_ROUNDS = 150_000
"""Of a hash that takes some thirty milliseconds of a core: forty a second are too many."""

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
    """Computed by the backend itself, for as long as it takes."""
    database: Database = request.app.state.database
    async with database.connection() as connection:
        seed = str(await connection.fetchval("SELECT count(*) FROM videos"))
    key = hashlib.pbkdf2_hmac("sha256", seed.encode(), b"chart", _ROUNDS)
    return JSONResponse({"chart": key.hex()})


ROUTES = [Route("/api/reports/chart", chart), Route("/api/reports/{name}", report)]
