"""Empties the caches of the running backend."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.backend.degradation import knows_the_token
from demo.backend.heap import PRODUCTS


async def clear(request: Request) -> Response:
    """Empty the caches, with the token. Doing it twice changes nothing."""
    if not knows_the_token(request):
        return JSONResponse({"error": "the token of the switch is needed"}, status_code=401)
    PRODUCTS.clear()
    return JSONResponse({"cleared": ["products"]})


ROUTES = [Route("/api/cache/clear", clear, methods=["POST"])]
