"""`/incidents…`: lists and shows incidents, and takes decisions, acknowledgements and notes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import structlog
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from intake.alerts.payload import why
from intake.http.about_incidents import MOST_BODY, incident_of
from intake.http.answers import Stop, shown
from intake.http.body import UNREAD, read_body
from intake.http.keys import Keys
from intake.http.openapi import Endpoint
from models.base import Model
from models.incident.incident import Decided, Decision, IncidentState, Spoken, Through, Verdict
from models.messages import ACKNOWLEDGE, DONE, NOTE
from models.redaction.known import KNOWN
from runtime.incidents import IncidentLine, Incidents


class Incoming(Model):
    """A message to an incident."""

    text: str = Field(default="", max_length=4000)


class IncomingDecision(Incoming):
    """A decision on one exact plan, named by its digest: `awaiting.digest` of the state, which is the
    recommended one, or the `digest` of one of `awaiting.others`. A denial refuses all of them."""

    verdict: Verdict
    plan: str = Field(min_length=1, max_length=64)


class Incidents200(Model):
    """The answer to `GET /incidents`."""

    incidents: tuple[IncidentLine, ...]


class Told(Model):
    """The message is durable: Temporal has taken it."""

    told: str
    incident: str
    by: str


B = TypeVar("B", bound=Incoming)


class IncidentPages:
    """The incidents as JSON. Reading needs any token, which a browser asks for as a password; a message
    needs a person's."""

    def __init__(self, incidents: Incidents, keys: Keys) -> None:
        self._incidents = incidents
        self._keys = keys
        self._log = structlog.get_logger("intake")

    def routes(self) -> Sequence[Endpoint]:
        one = "/incidents/{alert}/{service}"
        told = (*UNREAD, 401, 403, 404, 422, 503)
        return [
            Endpoint("GET", "/incidents", self.list, "List incidents", Incidents200, refusals=(401, 503)),
            Endpoint("GET", one, self.show, "Show one incident", IncidentState, refusals=(401, 404, 503)),
            Endpoint(
                "POST",
                f"{one}/decide",
                self.decide,
                "Approve or deny a plan",
                Decided,
                body=IncomingDecision,
                refusals=(*told, 409),
            ),
            *(
                Endpoint(
                    "POST",
                    f"{one}/{message}",
                    partial(self.tell, message),
                    f"Send an incident: {message}",
                    Told,
                    body=Incoming,
                    refusals=told,
                )
                for message in (ACKNOWLEDGE, NOTE, DONE)
            ),
        ]

    async def list(self, request: Request) -> Response:
        self._keys.admit_reader(request)
        return shown(Incidents200(incidents=await self._incidents.list()))

    async def show(self, request: Request) -> Response:
        self._keys.admit_reader(request)
        return shown(await self._incidents.state(incident_of(request)))

    async def decide(self, request: Request) -> Response:
        by = self._keys.person(request)
        incident = incident_of(request)
        said = await _read(request, IncomingDecision)
        decision = Decision(
            by=by, through=Through.INTAKE, text=KNOWN.hide(said.text), verdict=said.verdict, plan=said.plan
        )
        decided = await self._incidents.decide(incident, decision)
        self._log.info("decided", incident=incident, by=by, verdict=said.verdict, accepted=decided.accepted)
        return shown(decided, 200 if decided.accepted else 409)

    async def tell(self, message: str, request: Request) -> Response:
        by = self._keys.person(request)
        incident = incident_of(request)
        said = await _read(request, Incoming)
        if message == NOTE and not said.text.strip():
            raise Stop(422, "text: a note needs some words")
        spoken = Spoken(by=by, through=Through.INTAKE, text=KNOWN.hide(said.text))
        await self._incidents.tell(incident, message, spoken)
        self._log.info("told", incident=incident, by=by, message=message)
        return shown(Told(told=message, incident=incident, by=by))


async def _read(request: Request, kind: type[B]) -> B:
    body = await read_body(request, MOST_BODY)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Stop(422, why(error)) from error
