"""`/sign-in` and `/sign-out`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from intake.http.about_incidents import incident_of
from intake.views.rendering import HEADERS, path_of, rendered
from intake.views.routes import ONE, Page, failed, form_of
from intake.views.visitors import COOKIE, LINK_COOKIE, Visitors, by_tls, own_page
from models.configuration.configuration import Configuration
from runtime.errors import Trouble

MOST_TOKEN = 1024
"""Bytes of the form that brings a token."""
COPIES = (
    ". This browser has forgotten its session; a copy of its cookie, if anybody has one, may stay good until "
    "it is 12 hours old or its person gets a new token"
)
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
            Page("POST", f"{ONE}/sign-out", self.leave),
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
        """End the sessions of this browser; at an incident, where its cookie is sent, also that of a link."""
        own_page(request)
        incident = incident_of(request) if "alert" in request.path_params else ""
        response: Response = RedirectResponse("/", 303, HEADERS)
        try:
            await self._visitors.end_sessions(request, incident)
        except Trouble as trouble:
            response = failed(trouble, "/", COPIES)
        response.delete_cookie(COOKIE)
        if incident:
            response.delete_cookie(LINK_COOKIE, path=path_of(incident))
        return response


def asked(place: str, status: int = 401, wrong: str = "") -> Response:
    """The page that asks for a token, and goes on to `place`."""
    return rendered("sign-in.html", status, place=place, wrong=wrong)


def _place(wanted: str) -> str:
    return wanted if _LOCAL.fullmatch(wanted) else "/"
