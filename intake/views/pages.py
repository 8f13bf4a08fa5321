"""The page of one incident; live, and with forms that work without a script."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from intake.http.about_incidents import incident_of
from intake.http.answers import Stop
from intake.proposals.form import NotProposed, offer
from intake.views.deciding import Deciding, Said
from intake.views.live import Live, Viewer, mark_of
from intake.views.looks import Looks
from intake.views.rendering import CHART, HEADERS, content_of, path_of, rendered
from intake.views.review import Reviews
from intake.views.routes import ONE, Page, form_of
from intake.views.signing_in import asked
from intake.views.visitors import Visitor, Visitors, viewer
from models.configuration.configuration import Configuration
from models.incident.incident import IncidentState, Phase, what_matters_first
from runtime.past.samples import section_of
from runtime.run_info import Current

LOOK_FILES = {
    "style.css": "text/css",
    CHART: "text/css",
    "live.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
KEEP = {**HEADERS, "cache-control": "public, max-age=31536000, immutable"}
_RUN = re.compile(r"([0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})?")


class IncidentViews:
    """The incidents as pages. Reading needs a visitor who signed in, where there is a token."""

    def __init__(
        self,
        looks: Looks,
        visitors: Visitors,
        deciding: Deciding,
        live: Live,
        configuration: Callable[[], Configuration],
        reviews: Reviews,
        namespace: str,
    ) -> None:
        self._reviews = reviews
        self._looks = looks
        self._visitors = visitors
        self._deciding = deciding
        self._live = live
        self._configuration = configuration
        self._namespace = namespace

    def routes(self) -> Sequence[Route]:
        return [
            Page("GET", ONE, self.incident),
            Page("POST", f"{ONE}/say", self.say),
            Route(f"{ONE}/live", self.incident_live, methods=["GET"]),
            Route("/look/{name}", self.look, methods=["GET"]),
        ]

    async def incident(self, request: Request) -> Response:
        incident = incident_of(request)
        visitor = await self._visitors.of(request, incident)
        run = request.query_params.get("run", "")
        if not _RUN.fullmatch(run):
            raise Stop(422, "run: write the ID of a run, as Temporal shows it")
        if visitor is None:
            return asked(path_of(incident) + (f"?run={run}" if run else ""))
        state, current = await self._looks.incident(incident, run), await self._looks.current(incident)
        if visitor.run and (run or visitor.run != current.began_in):
            visitor = await self._visitors.of(request)
            if visitor is None:
                return asked(path_of(incident), wrong="your link is of another firing of this alert")
        is_open = not run and current.runs
        review = Markup() if is_open else await self._review(incident, run)
        return self.shown(state, visitor, current, is_newest=not run, review=review)

    async def _review(self, incident: str, run: str) -> Markup:
        return await self._looks.once(("review", incident, run), lambda: self._reviews.of(incident, run))

    async def incident_live(self, request: Request) -> Response:
        incident = incident_of(request)
        visitor = await self._admitted(request, incident)
        if visitor.run and visitor.run != (await self._looks.current(incident)).began_in:
            visitor = await self._admitted(request)
        return self.follow(viewer(request, visitor), incident)

    def follow(self, who: Viewer, incident: str) -> Response:
        """The stream of an incident's page."""

        async def mark() -> str:
            return _mark_of(await self._looks.incident(incident))

        return self._live.follow(who, lambda: self._looks.once(("mark", incident), mark))

    async def say(self, request: Request) -> Response:
        incident = incident_of(request)
        visitor = await self._visitors.person(request, incident)
        try:
            await self._deciding.send(incident, await self.said(request, incident, visitor))
        except NotProposed as refused:
            return await self._as_written(incident, visitor, refused)
        self._looks.forget(incident)
        return RedirectResponse(path_of(incident), 303, HEADERS)

    async def _as_written(self, incident: str, visitor: Visitor, refused: NotProposed) -> Response:
        """The page with the form as it was sent, and why it was not taken; the refusal alone, where there is
        no such form any more."""
        self._looks.forget(incident)
        state, current = await self._looks.incident(incident), await self._looks.current(incident)
        if not current.runs or state.phase is Phase.CLOSED:
            raise refused
        return self.shown(state, visitor, current, refused=refused)

    async def said(self, request: Request, incident: str, visitor: Visitor) -> Said:
        """What a form of the incident's page says. Raises Stop for one that is not theirs."""
        fields = await form_of(request)
        self._looks.forget(incident)  # what was shown a moment ago may be an earlier firing
        began = (await self._looks.current(incident)).began_in
        self._visitors.admit_form(visitor, incident, began, fields.get("form", ""))
        return self._deciding.read(visitor, fields, began)

    async def look(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in LOOK_FILES:
            raise Stop(404, "there is no such file")
        return Response(content_of(name), headers=KEEP, media_type=LOOK_FILES[name])

    async def _admitted(self, request: Request, incident: str = "") -> Visitor:
        visitor = await self._visitors.of(request, incident)
        if visitor is None:
            raise Stop(401, "sign in first, at /sign-in")
        return visitor

    def shown(
        self,
        state: IncidentState,
        visitor: Visitor,
        current: Current,
        *,
        is_newest: bool = True,
        link: str = "",
        review: Markup = Markup(),  # noqa: B008 — it is empty, and never changes
        refused: NotProposed | None = None,
    ) -> Response:
        """The page of an incident; of who came by a link, below that."""
        configuration = self._configuration()
        is_open = is_newest and current.runs and state.phase is not Phase.CLOSED
        return rendered(
            "incident.html",
            refused.status if refused else 200,
            state=state,
            visitor=visitor,
            is_open=is_open,
            retries=state.phase is Phase.ESCALATED and not state.paused,
            review=review,
            evidence=what_matters_first(state.evidence),
            samples=section_of(state.probes),
            form=self._visitors.form(visitor, state.id, current.began_in) if visitor.says else "",
            link=link,
            offer=offer(state, configuration, refused) if is_open and visitor.says else None,
            say=link or f"{path_of(state.id)}/say",
            people=bool(configuration.intake.people),
            temporal=_in_temporal(configuration.temporal.ui, self._namespace, state.id),
            mark=_mark_of(state),
            live=f"{link or path_of(state.id)}/live" if is_newest and not refused else "",
        )


def _in_temporal(address: str | None, namespace: str, incident: str) -> str:
    """Its page in the Temporal UI; empty where the configuration does not say where that is."""
    place = f"namespaces/{quote(namespace, safe='')}/workflows/{quote(incident, safe='')}"
    return f"{address.rstrip('/')}/{place}" if address else ""


def _mark_of(state: IncidentState) -> str:
    return mark_of(state.model_dump_json())
