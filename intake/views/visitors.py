"""Who reads and decides in a browser: a person signs in by their token, and a cookie remembers it.

The cookie and each form are signed with that person's token: a restart signs nobody out, and a new token
signs its holder out everywhere. Signing out ends that one session, also for a copy of its cookie.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from intake.http.answers import Stop
from intake.http.keys import Keys
from intake.http.proxy import named_by
from intake.views.live import Viewer
from models.configuration.configuration import Configuration
from models.incident.incident import Through
from models.people.link import SESSION, SignedLink
from runtime.people.links import LinkRefused, Links, SecretMissing
from runtime.sessions.ended import LONGEST, Sessions

COOKIE = "runbooks-session"
LINK_COOKIE = "runbooks-link"
"""Of who came by a link; sent to the page of its incident alone."""
FROM_HERE = (None, "same-origin", "none")
"""What a browser says of a request that a page of ours, or the person themselves, made."""


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page. Without a name they may read, and nothing else."""

    name: str = ""
    session: str = ""
    key: str = field(default="", repr=False)
    """Signs their forms."""
    seal: str = field(default="", repr=False)
    """What tells their session from every other, however its cookie is written."""
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


def viewer(request: Request, visitor: Visitor) -> Viewer:
    """Whose pages are counted together."""
    address = request.client.host if request.client else ""
    return Viewer(visitor.name or visitor.seal or address, visitor.says)


class Visitors:
    """Signs people in, knows them again, and tells their forms from a stranger's."""

    def __init__(
        self,
        keys: Keys,
        links: Links,
        sessions: Sessions,
        configuration: Callable[[], Configuration],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._configuration = configuration
        self._keys = keys
        self.links = links
        self._sessions = sessions
        self._clock = clock

    def sign_in(self, token: str) -> Visitor | None:
        """The person whose token it is, or a reader by the intake's own token; None for another."""
        name = self._keys.holder(token)
        if name is None and not self._keys.is_sender(token):
            return None
        expires = int(self._clock() + LONGEST.total_seconds())
        named, nonce = base64.urlsafe_b64encode((name or "").encode()).decode(), secrets.token_hex(12)
        seal = _signed(token, "session", name or "", expires, nonce)
        return Visitor(name or "", f"{named}.{expires}.{nonce}.{seal}", token, seal)

    async def of(self, request: Request, incident: str = "") -> Visitor | None:
        """Whose request it is, at the page of this incident; None for a stranger where a token is needed.

        Raises Trouble where Temporal does not say whether the session was ended.
        """
        known = self._by_proxy(request) or await self._going_on(self._by_cookie(request))
        if incident and (known is None or not known.says):
            known = await self.by_link(request, incident) or known
        return known or (Visitor() if self._keys.sender is None else None)

    async def by_link(self, request: Request, incident: str) -> Visitor | None:
        """Whom the session of a link signs in at this incident. Raises Trouble, as `of` does."""
        return await self._going_on(self._by_link_cookie(request, incident))

    async def end_sessions(self, request: Request, incident: str = "") -> None:
        """Those of this browser, also that of a link to this incident. Raises Trouble."""
        of_link = self._by_link_cookie(request, incident) if incident else None
        for one in (self._by_cookie(request), of_link):
            if one:
                await self._sessions.end(one.seal)

    async def _going_on(self, known: Visitor | None) -> Visitor | None:
        return None if known is None or await self._sessions.is_over(known.seal) else known

    def _by_link_cookie(self, request: Request, incident: str) -> Visitor | None:
        text = request.cookies.get(LINK_COOKIE, "")
        try:
            link, key = self.links.read(text, incident, SESSION)
        except LinkRefused:
            return None
        return self.of_link(link, key, text)

    @staticmethod
    def of_link(link: SignedLink, key: str, text: str) -> Visitor:
        return Visitor(link.by, text, key, link.seal, link.run, link.plans, Through.LINK)

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

    def _by_cookie(self, request: Request) -> Visitor | None:
        session = request.cookies.get(COOKIE, "")
        try:
            named, expires, nonce, given = session.split(".")
            name = base64.urlsafe_b64decode(named).decode()
            until = int(expires[:20])
        except ValueError:
            return None
        token = self._keys.token_of(name)
        if not token or until < self._clock():
            return None
        seal = _signed(token, "session", name, until, nonce)
        return (
            Visitor(name, session, token, seal)
            if hmac.compare_digest(given.encode(), seal.encode())
            else None
        )

    def form(self, visitor: Visitor, incident: str, began_in: str) -> str:
        """What a form of this visitor carries: it is about the incident that began in this run alone."""
        return _signed(visitor.key, "form", visitor.session, incident, began_in)

    async def person(self, request: Request, incident: str) -> Visitor:
        """The person who sent a form, before it is read. Raises Stop with 401 or 403, and as `of` does."""
        visitor = await self.of(request, incident)
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
            max_age=int(LONGEST.total_seconds()),
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
