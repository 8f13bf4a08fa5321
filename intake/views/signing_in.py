"""`/sign-in` and `/sign-out`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from intake.views.rendering import HEADERS, rendered
from intake.views.routes import Page, form_of
from intake.views.visitors import COOKIE, LINK_COOKIE, Visitors, by_tls, own_page
from models.configuration.configuration import Configuration

MOST_TOKEN = 1024
"""Bytes of the form that brings a token."""
_LOCAL = re.compile(
    r"/(incidents/[^/?#\s\\]+/[^/?#\s\\]+(\?run=[0-9a-f-]{36})?|history(/[A-Za-z0-9-]{1,80})?)?"
)
"""A page of ours, as a place to go on to: never another host."""


class SigningIn:
    """Takes a token once, and gives a cookie for it."""

    def __init__(self, visitors: Visitors, configuration: Callable[[], Configuration]) -> None:
        self._visitors = visitors
        self._configuration = configuration
        self._log = structlog.get_logger("intake")

    def routes(self) -> Sequence[Route]:
        return [
            Page("GET", "/sign-in", self.ask),
            Page("POST", "/sign-in", self.take),
            Page("POST", "/sign-out", self.leave),
        ]

    async def ask(self, request: Request) -> Response:
        return asked(_place(request.query_params.get("next", "")))

    async def take(self, request: Request) -> Response:
        own_page(request)
        fields = await form_of(request, MOST_TOKEN, stranger=True)
        place = _place(fields.get("next", ""))
        visitor = self._visitors.sign_in(fields.get("token", "").strip())
        if visitor is None:
            return asked(place, 401, "this token is nobody's: look into the file or variable that holds it")
        self._log.info("signed in", by=visitor.name or "a reader")
        response = RedirectResponse(place, 303, HEADERS)
        self._visitors.remember(response, visitor, secure=by_tls(request, self._configuration()))
        return response

    async def leave(self, request: Request) -> Response:
        own_page(request)
        response = RedirectResponse("/", 303, HEADERS)
        response.delete_cookie(COOKIE)
        left = _place(request.query_params.get("at", ""))
        response.delete_cookie(LINK_COOKIE, path=left.partition("?")[0])
        return response


def asked(place: str, status: int = 401, wrong: str = "") -> Response:
    """The page that asks for a token, and goes on to `place`."""
    return rendered("sign-in.html", status, place=place, wrong=wrong)


def _place(wanted: str) -> str:
    return wanted if _LOCAL.fullmatch(wanted) else "/"
