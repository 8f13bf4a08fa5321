"""The links of messages: a look changes nothing, as chat programs look ahead; the first form uses one up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from intake.http.about_incidents import incident_of
from intake.http.answers import Stop
from intake.views.deciding import Deciding, Said
from intake.views.looks import Looks
from intake.views.pages import IncidentViews
from intake.views.rendering import HEADERS, ago, path_of, rendered
from intake.views.routes import ONE, Page, failed
from intake.views.visitors import Visitor, Visitors, by_tls, own_page, viewer
from models.configuration.configuration import Configuration
from models.incident.incident import IncidentState, Through
from models.messages import PROPOSE
from models.people.link import SignedLink
from runtime.errors import Trouble
from runtime.incidents import Incidents
from runtime.people.links import LinkRefused, SecretMissing
from runtime.run_info import Current

LINK = f"{ONE}/link/{{link}}"


class LinkViews:
    """The page of an incident for who has a link to it, signed in as the one to whom it was sent."""

    def __init__(
        self,
        pages: IncidentViews,
        visitors: Visitors,
        looks: Looks,
        deciding: Deciding,
        incidents: Incidents,
        configuration: Callable[[], Configuration],
    ) -> None:
        self._pages = pages
        self._visitors = visitors
        self._looks = looks
        self._deciding = deciding
        self._incidents = incidents
        self._configuration = configuration

    def routes(self) -> Sequence[Route]:
        return [
            Page("GET", LINK, self.look),
            Page("POST", LINK, self.use),
            Route(f"{LINK}/live", self.live, methods=["GET"]),
        ]

    async def look(self, request: Request) -> Response:
        incident = incident_of(request)
        session = await self._visitors.by_link(request, incident)
        link, visitor = self._read(request, incident)
        if session and (session.name, session.run, session.plans) == (link.by, link.run, link.plans):
            return RedirectResponse(path_of(incident), 303, HEADERS)  # this browser has used it
        state, current = await self._good(link, incident)
        return self._pages.shown(state, visitor, current, link=_address(request, incident))

    async def live(self, request: Request) -> Response:
        incident = incident_of(request)
        link, visitor = self._read(request, incident)
        await self._good(link, incident)
        return self._pages.follow(viewer(request, visitor), incident)

    async def use(self, request: Request) -> Response:
        incident = incident_of(request)
        own_page(request)
        link, visitor = self._read(request, incident)
        said = await self._pages.said(request, incident, visitor)
        if said.message == PROPOSE:  # what comes back to be mended would have used the link up
            raise _refused(incident, "a link says one word: press “I have it” by it, then propose", 422)
        await self._good(link, incident)
        session = self._session(link, incident)
        used = await self._incidents.use_link(incident, link)
        if not used.accepted:
            await self._good(link, incident)
            raise _refused(incident, used.reason)
        response = await self._answer(incident, said)
        self._looks.forget(incident)
        secure = by_tls(request, self._configuration())
        self._visitors.remember_link(response, session, path_of(incident), secure=secure)
        return response

    def _session(self, link: SignedLink, incident: str) -> str:
        """Raises Stop with 503: without a session the link would be used up for nothing."""
        try:
            return self._visitors.links.session(link, incident)
        except SecretMissing as error:
            why = f"nobody can be signed in: {error}; see approvals.keys. The link is still good"
            raise _refused(incident, why, 503) from error

    async def _answer(self, incident: str, said: Said) -> Response:
        """To who is signed in from here on, whether their word counted or not."""
        back = path_of(incident)
        try:
            await self._deciding.send(incident, said)
        except Stop as stop:
            return rendered("refused.html", stop.status, reason=stop.reason, unknown=False, back=back)
        except Trouble as trouble:
            return failed(trouble, back, ". You are signed in: go back, and press again if it did not count")
        return RedirectResponse(back, 303, HEADERS)

    def _read(self, request: Request, incident: str) -> tuple[SignedLink, Visitor]:
        """Raises Stop with 403."""
        text = request.path_params["link"]
        try:
            link, key = self._visitors.links.read(text, incident)
        except LinkRefused as error:
            raise _refused(incident, str(error), 403) from error
        return link, self._visitors.of_link(link, key, text)

    async def _good(self, link: SignedLink, incident: str) -> tuple[IncidentState, Current]:
        """The incident, where the link is of it as it stands. Raises Stop with 409."""
        self._looks.forget(incident)  # what was shown a moment ago may be an earlier firing
        state, current = await self._looks.incident(incident), await self._looks.current(incident)
        if link.run != current.began_in:
            raise _refused(incident, "this link is of another firing of this alert")
        if await self._incidents.link_used(incident, link.nonce):
            raise _refused(incident, _used(link, state), done="This press did nothing")
        if link.plans and (state.awaiting is None or state.awaiting.digest not in link.plans):
            now = (
                f"now it asks about plan {state.awaiting.digest}"
                if state.awaiting
                else "nothing is asked now"
            )
            raise _refused(incident, f"this link is for plan {link.plans[0]}, and {now}")
        return state, current


def _address(request: Request, incident: str) -> str:
    return f"{path_of(incident)}/link/{request.path_params['link']}"


def _used(link: SignedLink, state: IncidentState) -> str:
    """Whose word came by such a link; what they said is not for everybody who finds it."""
    heard = [one.at for one in state.timeline if (one.by, one.through) == (link.by, Through.LINK)]
    if not heard or heard[-1] < link.at:
        return f"this link was used already, and opens once; nothing that {link.by} said has arrived yet"
    since = ago(heard[-1], datetime.now(UTC))
    return (
        f"this link was used already, and opens once; {link.by} was last heard through a signed link {since}:"
        " if you pressed twice, the first press counted"
    )


def _refused(incident: str, why: str, status: int = 409, done: str = "Nothing was done") -> Stop:
    """With what its reader can do instead."""
    instead = (
        f"use the newest message, sign in with your own token, or run: python starter.py show {incident}"
    )
    return Stop(status, f"{why}. {done}. To go on, {instead}")
