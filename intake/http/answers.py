"""The answers of the intake: JSON; each refusal has a short, printable reason."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from models.base import Model
from models.text import plain

_UNCACHED = {"cache-control": "no-store", "vary": "accept, authorization"}


class Stop(Exception):
    """Refuses a request. `reason` says what is wrong and what to do."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = headers


def shown(model: Model, status: int = 200) -> Response:
    """As JSON, which no cache keeps: a browser finds a page at some of the same addresses."""
    return Response(model.model_dump_json(), status, _UNCACHED, "application/json")


def refusal(status: int, reason: str, headers: dict[str, str] | None = None, **more: Any) -> JSONResponse:
    return JSONResponse({"error": plain(reason), **more}, status, headers)


async def on_stop(_: Request, error: Exception) -> Response:
    if not isinstance(error, Stop):
        raise error
    return refusal(error.status, error.reason, error.headers)


async def on_http_exception(_: Request, error: Exception) -> Response:
    """Starlette's own errors, such as 404 and 405."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers) if error.headers else None
    return refusal(error.status_code, f"{error.detail}: see /openapi.json for every route", headers)
