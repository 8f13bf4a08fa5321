"""The application's switches.

The degraded mode: cached answers and queued jobs instead of errors, while a provider is away. And single
endpoints out of service: disabled, or answering 503 with a maintenance message.
"""

from __future__ import annotations

import json
import re
import secrets

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

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


BYPASS = "X-Behind-The-Switch"
"""Whoever knows the token sees what is behind a switch."""
STATES = ("disabled", "maintenance", "open")


async def switch_endpoint(request: Request) -> Response:
    """`{"path": "/api/…", "state": "maintenance"}`, with the token. Throwing it twice changes nothing."""
    settings: BackendSettings = request.app.state.settings
    if not knows_the_token(request):
        return JSONResponse({"error": "the token of the switch is needed"}, status_code=401)
    content = await request.json()
    if content["state"] not in STATES:
        return JSONResponse({"error": f"state is one of {', '.join(STATES)}"}, status_code=400)
    closed = settings.closed | {content["path"]: content["state"]}
    settings.closed_file.write_text(
        json.dumps({path: state for path, state in closed.items() if state != "open"})
    )
    return JSONResponse({content["path"]: content["state"]})


class Closed:
    """Stands before the routes: what is out of service reaches none of them."""

    def __init__(self, app: ASGIApp, settings: BackendSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = _state_of(scope["path"], self._settings.closed) if scope["type"] == "http" else None
        if state is None or _sees_behind(Request(scope)):
            await self._app(scope, receive, send)
        elif state == "disabled":
            await JSONResponse({"error": "this is disabled"}, 404)(scope, receive, send)
        else:
            answer = JSONResponse({"message": "back soon"}, 503, {"Retry-After": "600"})
            await answer(scope, receive, send)


def _state_of(path: str, closed: dict[str, str]) -> str | None:
    """By the route that it belongs to: `/api/products/{id}` is each product."""
    matching = (one for one in closed if re.fullmatch(one.replace("{id}", r"\d+"), path))
    return next((closed[one] for one in matching), None)


def _sees_behind(request: Request) -> bool:
    outside: Outside = request.app.state.outside
    said = request.headers.get(BYPASS, "")
    return outside.around is not None and secrets.compare_digest(said, outside.around.switch_token)


ROUTES = [
    Route("/api/degradation", show, methods=["GET"]),
    Route("/api/degradation", switch, methods=["POST"]),
    Route("/api/endpoints", switch_endpoint, methods=["POST"]),
]
