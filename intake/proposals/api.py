"""`POST /incidents/…/proposals`: a person or a program proposes a plan, which a person then decides on."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from pydantic import ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from intake.alerts.payload import why
from intake.http.about_incidents import incident_of
from intake.http.answers import Stop, shown
from intake.http.body import UNREAD, read_body
from intake.http.keys import Keys
from intake.http.openapi import Endpoint
from models.incident.incident import Through
from models.proposals.proposal import Proposable, Proposal, Proposed
from models.redaction.known import KNOWN
from runtime.incidents import Incidents

MOST_BODY = 4 * 1024


class IncomingProposal(Proposable):
    """One action of the catalogue, for the incident's service or one that it depends on or that needs it.
    Where and how it is done is the configuration's word: another field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default="", max_length=500)
    """Why, for the person who decides."""


class ProposalPages:
    """Takes proposals under the token of a person or of a program."""

    def __init__(self, incidents: Incidents, keys: Keys) -> None:
        self._incidents = incidents
        self._keys = keys
        self._log = structlog.get_logger("intake")

    def routes(self) -> Sequence[Endpoint]:
        return [
            Endpoint(
                "POST",
                "/incidents/{alert}/{service}/proposals",
                self.propose,
                "Propose a plan, which a person then approves or denies",
                Proposed,
                body=IncomingProposal,
                refusals=(*UNREAD, 401, 403, 404, 409, 422, 503),
            )
        ]

    async def propose(self, request: Request) -> Response:
        by, through = self._proposer(request)
        incident = incident_of(request)
        said = await _read(request)
        proposal = Proposal(
            **said.model_dump(exclude={"text"}), by=by, through=through, text=KNOWN.hide(said.text)
        )
        proposed = await self._incidents.propose(incident, proposal)
        self._log.info(
            "proposed", incident=incident, by=by, through=through, action=said.action, taken=proposed.accepted
        )
        return shown(proposed, 200 if proposed.accepted else 409)

    def _proposer(self, request: Request) -> tuple[str, Through]:
        program = self._keys.program_of(request)
        return (program, Through.PROGRAM) if program else (self._keys.person(request), Through.INTAKE)


async def _read(request: Request) -> IncomingProposal:
    body = await read_body(request, MOST_BODY)
    try:
        return IncomingProposal.model_validate_json(body)
    except ValidationError as error:
        raise Stop(422, why(error)) from error
