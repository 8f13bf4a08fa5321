"""What a person sends by a form of an incident's page: a decision, or a word."""

from __future__ import annotations

import re

import structlog

from intake.http.answers import Stop
from models.incident.incident import LONGEST_SAID, Decision, Spoken, Through, Verdict
from models.messages import ACKNOWLEDGE, DONE, NOTE, RETRY
from models.redaction.known import KNOWN
from runtime.incidents import Incidents

SENT = (ACKNOWLEDGE, NOTE, DONE, RETRY)
"""The messages of the forms."""
_DIGEST = re.compile(r"[0-9a-f]{12,64}")


class Deciding:
    """Sends it on as this person's."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._log = structlog.get_logger("intake")

    async def take(self, incident: str, by: str, fields: dict[str, str]) -> None:
        """Raises Stop: 422 for what says nothing, 409 for a decision that does not count; and as `Incidents`
        does."""
        word, text = fields.get("word", ""), KNOWN.hide(fields.get("text", "").strip())[:LONGEST_SAID]
        if word in tuple(Verdict):
            await self._decide(incident, Decision(
                by=by, through=Through.INTAKE, text=text, verdict=Verdict(word), plan=fields.get("plan", "")
            ))  # fmt: skip
            return
        if word not in SENT:
            raise Stop(422, "this form says nothing that an incident takes: load the page again")
        if word == NOTE and not text:
            raise Stop(422, "a note needs some words")
        await self._incidents.tell(incident, word, Spoken(by=by, through=Through.INTAKE, text=text))
        self._log.info("told", incident=incident, by=by, message=word)

    async def _decide(self, incident: str, decision: Decision) -> None:
        if not _DIGEST.fullmatch(decision.plan):
            raise Stop(422, "the form names no plan: load the page again")
        decided = await self._incidents.decide(incident, decision)
        self._log.info(
            "decided",
            incident=incident, by=decision.by, verdict=decision.verdict, accepted=decided.accepted,
        )  # fmt: skip
        if not decided.accepted:
            raise Stop(409, f"it did not count: {decided.reason}")
