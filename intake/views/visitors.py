"""Who reads and decides in a browser: a person signs in by their token, and a cookie remembers it.

The cookie and each form are signed with that person's token: nothing is stored, a restart signs nobody out,
and a new token signs its holder out everywhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from intake.http.answers import Stop
from intake.http.keys import Keys

COOKIE = "runbooks-session"
LASTS = timedelta(hours=12)
FROM_HERE = (None, "same-origin", "none")
"""What a browser says of a request that a page of ours, or the person themselves, made."""


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page. Without a name they may read, and nothing else."""

    name: str = ""
    session: str = ""

    @property
    def decides(self) -> bool:
        return bool(self.name)


class Visitors:
    """Signs people in, knows them again, and tells their forms from a stranger's."""

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock

    def sign_in(self, token: str) -> Visitor | None:
        """The person whose token it is, or a reader by the intake's own token; None for another."""
        name = self._keys.holder(token)
        if name is None and not self._keys.is_sender(token):
            return None
        expires = int(self._clock() + LASTS.total_seconds())
        named = base64.urlsafe_b64encode((name or "").encode()).decode()
        return Visitor(name or "", f"{named}.{expires}.{_signed(token, 'session', name or '', expires)}")

    def of(self, request: Request) -> Visitor | None:
        """Whose request it is; None for a stranger where a token is asked for."""
        known = self._by_cookie(request.cookies.get(COOKIE, ""))
        return known or (Visitor() if self._keys.sender is None else None)

    def _by_cookie(self, session: str) -> Visitor | None:
        try:
            named, expires, signature = session.split(".")
            name = base64.urlsafe_b64decode(named).decode()
            until = int(expires[:20])
        except ValueError:
            return None
        token = self._keys.token_of(name)
        if not token or until < self._clock():
            return None
        same = hmac.compare_digest(signature.encode(), _signed(token, "session", name, until).encode())
        return Visitor(name, session) if same else None

    def form(self, visitor: Visitor, incident: str, began_in: str) -> str:
        """What a form of this visitor carries: it is about the incident that began in this run alone."""
        return _signed(self._keys.token_of(visitor.name) or "", "form", visitor.session, incident, began_in)

    def person(self, request: Request) -> Visitor:
        """The person who sent a form, before it is read. Raises Stop with 401 or 403."""
        visitor = self.of(request)
        if visitor is None or not visitor.decides:
            raise Stop(401, "sign in with your own token first: nothing was done")
        own_page(request)
        return visitor

    def admit_form(self, visitor: Visitor, incident: str, began_in: str, given: str) -> None:
        """Raises Stop with 403 for a form of another session, incident or firing of it."""
        if not hmac.compare_digest(given.encode(), self.form(visitor, incident, began_in).encode()):
            raise Stop(
                403,
                "this form is of another session or an earlier firing: open the page again; nothing was done",
            )

    @staticmethod
    def remember(response: Response, visitor: Visitor, *, secure: bool) -> None:
        """The cookie: for this host alone, out of reach of scripts and of other sites' forms."""
        response.set_cookie(
            COOKIE,
            visitor.session,
            max_age=int(LASTS.total_seconds()),
            httponly=True,
            secure=secure,
            samesite="lax",
        )


def own_page(request: Request) -> None:
    """Refuse what another site made the browser send. Raises Stop with 403.

    A browser leaves `Sec-Fetch-Site` out where the page came without TLS from another machine; then it says
    the `Origin`.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    host = request.headers.get("host", "")
    elsewhere = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    if site not in FROM_HERE or (site is None and elsewhere):
        raise Stop(403, "another site sent this form: nothing was done")


def _signed(token: str, *parts: str | int) -> str:
    text = "\0".join(map(str, ("durable-runbooks", *parts)))
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()
