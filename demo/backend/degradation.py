"""The degraded mode: cached answers and queued jobs instead of errors, while a provider is away."""

from __future__ import annotations

import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend.outside import Outside
from demo.backend.settings import BackendSettings


def is_degraded(request: Request) -> bool:
    settings: BackendSettings = request.app.state.settings
    return settings.degraded.exists()


async def show(request: Request) -> Response:
    return JSONResponse({"degraded": is_degraded(request)})


async def switch(request: Request) -> Response:
    """`{"degraded": true}` or false, with the token. Throwing it twice changes nothing."""
    settings: BackendSettings = request.app.state.settings
    if not knows_the_token(request):
        return JSONResponse({"error": "the token of the switch is needed"}, status_code=401)
    content = await request.json()
    if content["degraded"]:
        settings.degraded.touch()
    else:
        settings.degraded.unlink(missing_ok=True)
    return JSONResponse({"degraded": is_degraded(request)})


def knows_the_token(request: Request) -> bool:
    """Whether the caller may throw switches."""
    outside: Outside = request.app.state.outside
    said = request.headers.get("authorization", "").removeprefix("Bearer ")
    return outside.around is not None and secrets.compare_digest(said, outside.around.switch_token)


ROUTES = [
    Route("/api/degradation", show, methods=["GET"]),
    Route("/api/degradation", switch, methods=["POST"]),
]
