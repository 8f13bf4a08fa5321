"""`/incidents…`: what is open, what one incident knows, and what people may tell it."""

from __future__ import annotations

from typing import TypeVar

import structlog
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intake.alerts.payload import why
from intake.http.answers import Stop, shown
from intake.http.body import read_body
from intake.http.keys import Keys
from models.base import Model
from models.incident.incident import Decision, Spoken, Through, Verdict
from runtime.errors import NobodyAnswers, NoSuchIncident, Rejected, TemporalAway, Trouble
from runtime.incidents import IncidentLine, Incidents, parse_id
from runtime.messages import ACKNOWLEDGE, DONE, NOTE

MOST_BODY = 16 * 1024
STATUS: dict[type[Trouble], int] = {TemporalAway: 503, NobodyAnswers: 503, NoSuchIncident: 404, Rejected: 409}


class Incoming(Model):
    """What a person says to an incident."""

    text: str = Field(default="", max_length=4000)


class IncomingDecision(Incoming):
    """A decision on one exact plan. Here the plan must be named: `awaiting.digest` of the state."""

    verdict: Verdict
    plan: str = Field(min_length=1, max_length=64)


class Incidents200(Model):
    """The answer to `GET /incidents`."""

    incidents: tuple[IncidentLine, ...]


class Told(Model):
    """Temporal has it."""

    told: str
    incident: str
    by: str


B = TypeVar("B", bound=Incoming)


class IncidentPages:
    """The incidents as JSON. Reading needs any token, telling needs a person's."""

    def __init__(self, incidents: Incidents, keys: Keys) -> None:
        self._incidents = incidents
        self._keys = keys
        self._log = structlog.get_logger("intake")

    def routes(self) -> list[Route]:
        one = "/incidents/{alert}/{service}"
        return [
            Route("/incidents", self.list, methods=["GET"]),
            Route(one, self.show, methods=["GET"]),
            Route(f"{one}/decide", self.decide, methods=["POST"]),
            Route(f"{one}/{{message:str}}", self.tell, methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        self._keys.admit(request)
        return shown(Incidents200(incidents=await self._incidents.list()))

    async def show(self, request: Request) -> Response:
        self._keys.admit(request)
        return shown(await self._incidents.state(_incident(request)))

    async def decide(self, request: Request) -> Response:
        by = self._keys.person(request)
        incident = _incident(request)
        said = await _read(request, IncomingDecision)
        decision = Decision(
            by=by, through=Through.INTAKE, text=said.text, verdict=said.verdict, plan=said.plan
        )
        decided = await self._incidents.decide(incident, decision)
        self._log.info("decided", incident=incident, by=by, verdict=said.verdict, accepted=decided.accepted)
        return shown(decided, 200 if decided.accepted else 409)

    async def tell(self, request: Request) -> Response:
        message = request.path_params["message"]
        if message not in (ACKNOWLEDGE, NOTE, DONE):
            raise Stop(404, "an incident takes decide, acknowledge, note and done")
        by = self._keys.person(request)
        incident = _incident(request)
        said = await _read(request, Incoming)
        if message == NOTE and not said.text.strip():
            raise Stop(422, "text: a note needs some words")
        await self._incidents.tell(incident, message, Spoken(by=by, through=Through.INTAKE, text=said.text))
        self._log.info("told", incident=incident, by=by, message=message)
        return shown(Told(told=message, incident=incident, by=by))


def _incident(request: Request) -> str:
    return parse_id(f"{request.path_params['alert']}/{request.path_params['service']}")


async def _read(request: Request, kind: type[B]) -> B:
    body = await read_body(request, MOST_BODY)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Stop(422, why(error)) from error
