"""Routes for people: HTML for who asks for it, a page for each refusal, and forms that are read bounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from intake.http.about_incidents import MOST_BODY, status_of
from intake.http.answers import Stop
from intake.http.body import read_body
from intake.views.rendering import rendered
from runtime.errors import Trouble

FORM = "application/x-www-form-urlencoded"
MOST_FIELDS = 8

Handler = Callable[[Request], Awaitable[Response]]


class Page(Route):
    """A route for who asks for HTML; others find the JSON at the same address."""

    def __init__(self, method: str, path: str, handler: Handler) -> None:
        super().__init__(path, _refusing_in_words(handler), methods=[method])

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        wants = any(name == b"accept" and b"text/html" in value for name, value in scope.get("headers", ()))
        return super().matches(scope) if wants else (Match.NONE, {})


def _refusing_in_words(handler: Handler) -> Handler:
    async def page(request: Request) -> Response:
        try:
            return await handler(request)
        except Stop as stop:
            return rendered("refused.html", stop.status, reason=stop.reason)
        except Trouble as trouble:
            return rendered("refused.html", status_of(trouble), reason=str(trouble))

    return page


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form. Raises Stop: 422 for what is no form of ours, and as `read_body` does."""
    body = await read_body(request, MOST_BODY, FORM)
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
