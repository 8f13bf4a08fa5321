"""`python -m demo.backend`: the process that the demo's supervisord or Docker runs."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend import business, caches, degradation, heap, injection, reports, spending
from demo.backend.database import Database, DatabaseLostError
from demo.backend.degradation import Closed
from demo.backend.injection import slower_leak
from demo.backend.memory import Litter, Sessions, hold, limit_memory
from demo.backend.metrics import COST, HEALTHY, REGISTRY, Measured
from demo.backend.outside import Outside, OutsideError
from demo.backend.pressure import Pressure, spoil_cache, watch_cpu
from demo.backend.settings import BackendSettings

log = logging.getLogger("backend")

HOST = os.environ.get("HOST", "127.0.0.1")
"""In a network of its own it listens for everybody there."""
COSTS_WITHIN = 0.3
"""Seconds: Prometheus waits no longer for all the rest."""


async def health(request: Request) -> Response:
    """200 and `healthy` while the database answers; 503 and the reason when it does not."""
    database: Database = request.app.state.database
    settings: BackendSettings = request.app.state.settings
    if instead := settings.answers_instead:
        return JSONResponse(instead["body"], instead["status"], instead["headers"])
    try:
        await database.check()
    except DatabaseLostError as error:
        return JSONResponse({"status": "unhealthy", "checks": {"database": str(error)}}, status_code=503)
    version = request.app.state.settings.runs
    return JSONResponse({"status": "healthy", "version": version, "checks": {"database": "ok"}})


async def metrics(request: Request) -> Response:
    """What Prometheus scrapes; the costs as the database knows them, when it can be asked."""
    database: Database = request.app.state.database
    try:
        async with asyncio.timeout(COSTS_WITHIN), database.connection() as connection:
            rows = await connection.fetch("SELECT provider, sum(dollars)::float AS d FROM costs GROUP BY 1")
    except (DatabaseLostError, TimeoutError):
        rows = []
        HEALTHY.set(0)
    else:
        HEALTHY.set(1)
    for row in rows:
        COST.labels(row["provider"]).set(row["d"])
    return Response(generate_latest(REGISTRY), media_type="text/plain; version=0.0.4")


async def unavailable(request: Request, error: Exception) -> Response:
    """503 for what others failed to give us. Sentry hears of every error."""
    _report(request, str(error))
    return JSONResponse({"error": str(error)}, status_code=503)


async def failed(request: Request, error: Exception) -> Response:
    """500 for an error of our own."""
    _report(request, f"{type(error).__name__}: {error}")
    return JSONResponse({"error": "internal server error"}, status_code=500)


def _report(request: Request, title: str) -> None:
    outside: Outside = request.app.state.outside
    outside.report(title, f"{request.method} {request.url.path}")


def application(settings: BackendSettings) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Database(settings.database_url) as database, Outside(settings.around) as outside:
            app.state.database, app.state.outside = database, outside
            beside = [asyncio.create_task(watch_cpu()), asyncio.create_task(spending.generate(database))]
            yield
            for task in beside:
                task.cancel()

    app = Starlette(
        routes=[
            Route("/health", health),
            Route("/metrics", metrics),
            *business.ROUTES,
            *reports.ROUTES,
            *spending.ROUTES,
            *degradation.ROUTES,
            *caches.ROUTES,
            *injection.ROUTES,
        ],
        middleware=[
            Middleware(Measured),
            Middleware(Litter),
            Middleware(Sessions),
            Middleware(Closed, settings=settings),
            Middleware(Pressure, settings=settings),
        ],
        exception_handlers={DatabaseLostError: unavailable, OutsideError: unavailable, Exception: failed},
        lifespan=lifespan,
    )
    app.state.settings = settings
    return app


def listen(port: int) -> socket.socket:
    """The listening socket, or the end with `EADDRINUSE` in the log, as Node.js says it."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "error")
        log.critical("listen %s: %s %s:%d", name, error.strerror, HOST, port)
        sys.exit(1)
    return listener


def main() -> None:
    logging.basicConfig(stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every call of an API
    settings = BackendSettings.from_environment()
    limit_memory(settings.memory_limit_file)
    log.info("backend %s starts on port %d", settings.runs, settings.port)
    if settings.crash_at_start.exists():
        log.critical("Error: Cannot find module './dist/main.js'")
        sys.exit(1)
    heap.write_snapshots(settings.snapshots)
    listener = listen(settings.port)
    if settings.working_set.exists():
        hold(int(settings.working_set.read_text()))
    if settings.bad_cache.exists():
        spoil_cache()
    if settings.leaks.exists():
        slower_leak(settings)
    server = uvicorn.Config(application(settings), log_level="warning", access_log=False, lifespan="on")
    uvicorn.Server(server).run(sockets=[listener])


if __name__ == "__main__":
    main()
