"""Routes for people: HTML for who asks for it, a page for each refusal, and forms that are read bounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from intake.http.about_incidents import status_of
from intake.http.answers import Stop
from intake.http.room import held_for
from intake.views.rendering import path_of, rendered
from runtime.errors import Trouble

ONE = "/incidents/{alert}/{service}"
"""The page of one incident."""
FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 8
MOST_FORM = 48 * 1024
"""Bytes of a form: each character of the longest note may take twelve."""
FORM_WITHIN = 5.0
"""Seconds: a form comes at once, and a sender that waits keeps a connection."""

Handler = Callable[[Request], Awaitable[Response]]


class Page(Route):
    """A route for browsers, which ask for HTML. A program, and a request with a bearer token, finds the JSON
    at the same address."""

    def __init__(self, method: str, path: str, handler: Handler) -> None:
        super().__init__(path, _refusing_in_words(handler), methods=[method])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        headers = scope.get("headers", ())
        wants = any(name == b"accept" and b"text/html" in value for name, value in headers)
        program = any(name == b"authorization" and value[:6].lower() == b"bearer" for name, value in headers)
        return super().matches(scope) if wants and not program else (Match.NONE, {})


def _refusing_in_words(handler: Handler) -> Handler:
    async def page(request: Request) -> Response:
        try:
            return await handler(request)
        except Stop as stop:
            return rendered(
                "refused.html", stop.status, reason=stop.reason, unknown=False, back=_back(request)
            )
        except Trouble as trouble:
            return failed(trouble, _back(request))

    return page


def failed(trouble: Trouble, back: str, more: str = "") -> Response:
    """A page that says what happened, and whether that is all that is known."""
    reason, status = f"{trouble}{more}", status_of(trouble)
    return rendered("refused.html", status, reason=reason, unknown=trouble.may_count, back=back)


def _back(request: Request) -> str:
    """The page of the incident that a request is about; else the board."""
    parts = request.path_params
    return path_of(f"{parts['alert']}/{parts['service']}") if {"alert", "service"} <= parts.keys() else "/"


async def form_of(request: Request, most: int = MOST_FORM, *, stranger: bool = False) -> dict[str, str]:
    """The fields of a form. Raises Stop: 422 for what is no form of ours, 413, 408, and 503 where other
    requests take its room."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Stop(415, "send it by the form of these pages")
    body = bytearray()
    try:
        async with held_for(request).arrives(FORM_WITHIN, stranger=stranger):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Stop(413, "this is too long: write less", {"connection": "close"})
    except (TimeoutError, ClientDisconnect) as error:
        raise Stop(408, "the form did not arrive in time", {"connection": "close"}) from error
    return _fields(bytes(body))


def _fields(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise Stop(422, "this is not a form of these pages: load the page again") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise Stop(422, "a field stands twice: load the page again")
    return fields
