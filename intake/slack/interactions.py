"""`POST /v1/slack/interactions`: a press of a button on Slack becomes the word of a person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import partial

import httpx
import structlog
from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intake.http.answers import Stop
from intake.slack.outcome import MISTAKE, acknowledged, went_wrong
from intake.slack.presses import Presses
from intake.slack.requests import Press, Seal, body_of, claimed, press_in
from models.base import Model
from models.configuration.configuration import Configuration
from models.configuration.processes import SlackButtons
from models.incident.incident import Decision, Spoken, Through, Verdict
from models.messages import ACKNOWLEDGE
from models.text import plain
from runtime.errors import Trouble
from runtime.incidents import Incidents, parse_id
from runtime.people.slack import NoSecret, signing_secret, tell_in_private

PATH = "/v1/slack/interactions"
_VERDICTS = {one.value: one for one in Verdict}
_DIGEST = re.compile(r"[0-9a-f]{12}")


class Asked(Model):
    """What a button of ours carries."""

    incident: str = Field(max_length=400)
    run: str = Field(max_length=100)
    plan: str = Field(default="", max_length=64)


class SlackInteractions:
    """Acknowledges at once, and decides afterwards: who pressed is told by Slack, and nobody else."""

    def __init__(
        self,
        incidents: Incidents,
        configuration: Callable[[], Configuration],
        http: httpx.AsyncClient,
        presses: Presses,
    ) -> None:
        self._incidents = incidents
        self._configuration = configuration
        self._http = http
        self._presses = presses
        self._seal = Seal()
        self._log = structlog.get_logger("intake")

    def routes(self) -> list[Route]:
        return [Route(PATH, self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        settings = self._configuration().intake.slack
        if settings is None:
            raise Stop(404, "Slack's buttons are not configured: write intake.slack")
        claim = claimed(request.headers)
        try:
            secret = await signing_secret(settings)
        except NoSecret as missing:
            raise Stop(503, f"no request of Slack can be verified: {missing}") from missing
        body = await body_of(request)
        signature = self._seal.verify(secret, claim, body)
        press = press_in(body)
        if press is None:
            return Response()
        tell = partial(tell_in_private, self._http, settings, press.response_url)
        self._presses.begin(self._take(settings, press, signature), tell)
        return Response()

    async def _take(self, settings: SlackButtons, press: Press, signature: str) -> str:
        """What to tell who pressed."""
        try:
            return await self._said(settings, press, signature)
        except Trouble as trouble:
            return went_wrong(trouble)
        except Exception as error:
            self._log.error("a press on Slack failed", user=plain(press.user.id), exc_info=error)
            return MISTAKE

    async def _said(self, settings: SlackButtons, press: Press, signature: str) -> str:
        """Do what the button asks, and say what came of it. Raises `Trouble`."""
        user = plain(press.user.id)
        by = settings.people.get(press.user.id)
        if by is None:
            self._log.warning("a stranger pressed a button on Slack", user=user)
            return f"Nothing was done: {user} is nobody here. Who runs this adds it to intake.slack.people."
        action, _, _ = press.actions[0].action_id.partition(":")
        try:
            asked = Asked.model_validate_json(press.actions[0].value)
        except ValidationError:
            return "Nothing was done: this button is not of an incident."
        incident = parse_id(asked.incident)
        current = await self._incidents.current(incident)
        if current.began_in != asked.run or not current.runs:
            return f"Nothing was done: this message is of {incident} as it was before, and that is closed."
        nonce = hashlib.sha256(signature.encode()).hexdigest()[:24]
        if action == ACKNOWLEDGE:
            spoken = Spoken(by=by, through=Through.SLACK)
            await self._incidents.tell(incident, ACKNOWLEDGE, spoken, nonce, asked.run)
            self._log.info("told", incident=incident, by=by, message=action, through="slack")
            return await acknowledged(self._incidents, incident, by)
        if action not in _VERDICTS or not _DIGEST.fullmatch(asked.plan):
            return "Nothing was done: this button names no plan."
        decision = Decision(by=by, through=Through.SLACK, verdict=_VERDICTS[action], plan=asked.plan)
        decided = await self._incidents.decide(incident, decision, nonce, asked.run)
        self._log.info(
            "decided",
            incident=incident,
            by=by,
            verdict=decision.verdict,
            accepted=decided.accepted,
            through="slack",
        )
        return f"As {by}: {decided.reason}." if decided.accepted else f"It did not count: {decided.reason}."
