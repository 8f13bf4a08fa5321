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
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from intake.http.answers import Stop
from intake.http.keys import Keys
from intake.http.proxy import named_by
from models.configuration.configuration import Configuration
from models.incident.incident import Through
from models.people.link import SESSION, SignedLink
from runtime.people.links import LinkRefused, Links, SecretMissing

COOKIE = "runbooks-session"
LINK_COOKIE = "runbooks-link"
"""Of who came by a link; sent to the page of its incident alone."""
LASTS = timedelta(hours=12)
FROM_HERE = (None, "same-origin", "none")
"""What a browser says of a request that a page of ours, or the person themselves, made."""


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page. Without a name they may read, and nothing else."""

    name: str = ""
    session: str = ""
    key: str = field(default="", repr=False)
    """Signs their forms."""
    run: str = ""
    """Who came by a link sees the incident that began in this run alone; empty for all."""
    plans: tuple[str, ...] | None = None
    """All that they may decide, by digest; None for whatever is asked."""
    through: Through = Through.INTAKE
    by_proxy: bool = False
    """The proxy alone signs them out."""

    @property
    def says(self) -> bool:
        """Whether their word counts: they are a person with a name."""
        return bool(self.name)

    def decides(self, plan: str) -> bool:
        return self.says and (self.plans is None or plan in self.plans)


class Visitors:
    """Signs people in, knows them again, and tells their forms from a stranger's."""

    def __init__(
        self,
        keys: Keys,
        links: Links,
        configuration: Callable[[], Configuration],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._configuration = configuration
        self._keys = keys
        self.links = links
        self._clock = clock

    def sign_in(self, token: str) -> Visitor | None:
        """The person whose token it is, or a reader by the intake's own token; None for another."""
        name = self._keys.holder(token)
        if name is None and not self._keys.is_sender(token):
            return None
        expires = int(self._clock() + LASTS.total_seconds())
        named = base64.urlsafe_b64encode((name or "").encode()).decode()
        signature = _signed(token, "session", name or "", expires)
        return Visitor(name or "", f"{named}.{expires}.{signature}", token)

    def of(self, request: Request, incident: str = "") -> Visitor | None:
        """Whose request it is, at the page of this incident; None for a stranger where a token is needed."""
        known = self._by_proxy(request) or self._by_cookie(request.cookies.get(COOKIE, ""))
        if incident and (known is None or not known.says):
            known = self.by_link(request.cookies.get(LINK_COOKIE, ""), incident, SESSION) or known
        return known or (Visitor() if self._keys.sender is None else None)

    def by_link(self, text: str, incident: str, message: str) -> Visitor | None:
        """Whom a link, or the session of one, signs in at this incident; None for a text that is none."""
        try:
            link, key = self.links.read(text, incident, message)
        except LinkRefused:
            return None
        return self.of_link(link, key, text)

    @staticmethod
    def of_link(link: SignedLink, key: str, text: str) -> Visitor:
        return Visitor(link.by, text, key, link.run, link.plans, Through.LINK)

    def _by_proxy(self, request: Request) -> Visitor | None:
        """Raises Stop: 403 for who is not configured, 503 without a key for their forms."""
        proxy = self._configuration().intake.proxy
        said = named_by(proxy, request.scope)
        if proxy is None or not said:
            return None
        if said not in proxy.people:
            raise Stop(403, f"the proxy says that you are {said[:80]}, who is not in intake.proxy.people")
        try:
            return Visitor(proxy.people[said], f"proxy {said}", self.links.key(), by_proxy=True)
        except SecretMissing as error:
            raise Stop(503, f"no form can be signed: {error}; see approvals.keys") from error

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
        return Visitor(name, session, token) if same else None

    def form(self, visitor: Visitor, incident: str, began_in: str) -> str:
        """What a form of this visitor carries: it is about the incident that began in this run alone."""
        return _signed(visitor.key, "form", visitor.session, incident, began_in)

    def person(self, request: Request, incident: str) -> Visitor:
        """The person who sent a form, before it is read. Raises Stop with 401 or 403."""
        visitor = self.of(request, incident)
        if visitor is None or not visitor.says:
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

    def remember_link(self, response: Response, session: str, path: str, *, secure: bool) -> None:
        """A cookie for the page of this incident alone."""
        lasts = int(self.links.lasts.total_seconds())
        response.set_cookie(
            LINK_COOKIE, session, max_age=lasts, path=path, httponly=True, secure=secure, samesite="lax"
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


def by_tls(request: Request, configuration: Configuration) -> bool:
    """Whether people come by TLS, which a proxy in front may end."""
    public = configuration.intake.public_url or ""
    return public.startswith("https:") or request.url.scheme == "https"


def own_page(request: Request) -> None:
    """Refuse what another site made the browser send. Raises Stop with 403.

    A browser leaves `Sec-Fetch-Site` out where the page came without TLS from another machine; then it says
    the `Origin`.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    host = request.headers.get("host", "")
    elsewhere = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    if site not in FROM_HERE or (site is None and elsewhere):
        raise Stop(
            403, "another site sent this form: nothing was done; open the page itself and decide there"
        )


def _signed(token: str, *parts: str | int) -> str:
    text = "\0".join(map(str, ("durable-runbooks", *parts)))
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()
