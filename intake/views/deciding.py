"""What a person sends by a form of an incident's page: a decision, a proposal, or a word."""

from __future__ import annotations

import re
from dataclasses import dataclass

import structlog

from intake.http.answers import Stop
from intake.proposals.form import not_taken, proposal_of
from intake.views.visitors import Visitor
from models.incident.incident import LONGEST_SAID, Decision, Spoken, Verdict
from models.messages import ACKNOWLEDGE, DONE, NOTE, PROPOSE, RETRY
from models.proposals.proposal import Proposal
from models.redaction.known import KNOWN
from runtime.errors import Rejected
from runtime.incidents import Incidents

SENT = (ACKNOWLEDGE, NOTE, DONE, RETRY)
"""The messages of the forms."""
_DIGEST = re.compile(r"[0-9a-f]{12,64}")


@dataclass(frozen=True)
class Said:
    """A message to an incident, and the words of it."""

    message: str
    words: Spoken
    run: str
    """In which the firing began that it is about."""


class Deciding:
    """Sends it on as this person's."""

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._log = structlog.get_logger("intake")

    def read(self, visitor: Visitor, fields: dict[str, str], run: str) -> Said:
        """What a form says to the firing that began in this run.

        Raises Stop: 422 for what says nothing, 403 for what is not theirs to decide; NotProposed.
        """
        word, text = fields.get("word", ""), KNOWN.hide(fields.get("text", "").strip())[:LONGEST_SAID]
        by, through = visitor.name, visitor.through
        if word in tuple(Verdict):
            plan = fields.get("plan", "")
            if not _DIGEST.fullmatch(plan):
                raise Stop(422, "the form names no plan: load the page again")
            if not visitor.decides(plan):
                raise Stop(403, "the link is for another plan: use that of the newer message, or sign in")
            return Said(
                word, Decision(by=by, through=through, text=text, verdict=Verdict(word), plan=plan), run
            )
        if word == PROPOSE:
            return Said(word, proposal_of(by, through, fields), run)
        if word not in SENT:
            raise Stop(422, "this form says nothing that an incident takes: load the page again")
        if word == NOTE and not text:
            raise Stop(422, "a note needs some words")
        return Said(word, Spoken(by=by, through=through, text=text), run)

    async def send(self, incident: str, said: Said) -> None:
        """Raises Stop with 409 for a decision that does not count, NotProposed; and as `Incidents` does."""
        if isinstance(said.words, Decision):
            await self._decide(incident, said.words, said.run)
            return
        if isinstance(said.words, Proposal):
            await self._propose(incident, said.words, said.run)
            return
        await self._incidents.tell(incident, said.message, said.words, run=said.run)
        self._log.info("told", incident=incident, by=said.words.by, message=said.message)

    async def _decide(self, incident: str, decision: Decision, run: str) -> None:
        decided = await self._incidents.decide(incident, decision, run=run)
        self._log.info(
            "decided",
            incident=incident, by=decision.by, verdict=decision.verdict, accepted=decided.accepted,
        )  # fmt: skip
        if not decided.accepted:
            raise Stop(409, f"it did not count: {decided.reason}")

    async def _propose(self, incident: str, proposal: Proposal, run: str) -> None:
        try:
            proposed = await self._incidents.propose(incident, proposal, run=run)
        except Rejected as error:
            raise not_taken(proposal, str(error)) from error
        self._log.info(
            "proposed",
            incident=incident, by=proposal.by, action=proposal.action, taken=proposed.accepted,
        )  # fmt: skip
        if not proposed.accepted:
            raise not_taken(proposal, proposed.reason)
