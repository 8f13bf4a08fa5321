"""The proposals of one incident: which may be taken now, and what became of each.

One is open at a time: a second question beside it would be answered by mistake, and one that waited in
line would be of what was seen before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.catalogue.line import Became, ProposalLine, open_of
    from models.catalogue.proposable import PROPOSABLE
    from models.incident.incident import PendingApproval, Phase, Through
    from models.incident.policy import Policy
    from models.people.said import Word
    from models.proposals.proposal import TAKEN_BEFORE, Proposal, Proposed
    from models.text import plain
    from workflows.proposals.making import services_of
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline

MOST = 20
"""Proposals of one incident."""
MOST_OF_PROGRAMS = 5
"""Of these by programs: each asks somebody."""
LONGEST_TEXT = 500


class Proposals:
    """Takes proposals while a person has the incident."""

    def __init__(
        self,
        record: Record,
        timeline: Timeline,
        asked: Callable[[], PendingApproval | None],
        alert_is_over: Callable[[], bool],
    ) -> None:
        self._record = record
        self._timeline = timeline
        self._asked = asked
        self._alert_is_over = alert_is_over

    def check(self, proposal: Proposal) -> None:
        """Before anything is written into the history. Raises `ApplicationError` for what is not taken;
        of the type `TAKEN_BEFORE`, with the answer, for what was taken before."""
        if before := self._before(proposal):
            raise ApplicationError(
                before.reason, before.model_dump(mode="json"), type=TAKEN_BEFORE, non_retryable=True
            )
        if refusal := self._refusal(proposal):
            raise ApplicationError(refusal, type="ProposalRefused", non_retryable=True)

    def take(self, proposal: Proposal, refusal: str) -> Proposed:
        """Take it, once it is known whose word it is; `refusal` says why it is nobody's."""
        if proposal.through is Through.TEMPORAL_UI:
            nobody = "a proposal says who makes it: use the intake or the command line"
            refusal = "; ".join(filter(None, (nobody, refusal, proposal.claim)))
        if not refusal and (before := self._before(proposal)):
            return before
        if refusal := refusal or self._refusal(proposal):
            self._timeline.spoken(Word.PROPOSE, proposal, about=proposal.action, refused=refusal)
            return Proposed(accepted=False, reason=refusal)
        line = self._line(proposal, workflow.now())
        self._record.proposals = (*self._record.proposals, line)
        self._timeline.spoken(Word.PROPOSE, proposal, about=line.says)
        return Proposed(accepted=True, reason=f"{line.says} is looked at, and then asked about", id=line.id)

    def becomes(self, line: ProposalLine, became: Became, why: str = "") -> ProposalLine:
        """Write what became of it."""
        changed = line.model_copy(update={"became": became, "why": plain(why, LONGEST_TEXT)})
        lines = self._record.proposals
        self._record.proposals = tuple(changed if one.id == line.id else one for one in lines)
        if not became.is_open:
            self._timeline.add(f"the proposal of {line.who}, {line.says}: {became}{why and f', {why}'}")
        return changed

    def _line(self, proposal: Proposal, at: datetime) -> ProposalLine:
        service = self._service_of(proposal)
        settings = proposal.as_settings.model_dump(exclude_none=True)
        return ProposalLine(
            id=proposal.id(service),
            by=proposal.by,
            of_program=proposal.of_program,
            action=proposal.action,
            service=service,
            settings=settings,
            text=plain(proposal.text, LONGEST_TEXT),
            content=proposal.content(service),
            at=at,
        )

    def _service_of(self, proposal: Proposal) -> str:
        return proposal.service or self._record.alert.service

    def _before(self, proposal: Proposal) -> Proposed | None:
        """The answer to what the same proposer sent before, under the same key or in the same words."""
        service = self._service_of(proposal)
        line = next((one for one in self._record.proposals if one.id == proposal.id(service)), None)
        if line is None:
            return None
        if line.content != proposal.content(service):
            why = f"the key {proposal.key} was used for {line.says}: give this one a key of its own"
            return Proposed(accepted=False, reason=why, id=line.id)
        why = f"you proposed it at {line.at:%H:%M:%S} UTC: {line.became}{line.why and f', {line.why}'}"
        again = "" if line.became.is_open else "; to propose it again, give it another key"
        return Proposed(accepted=True, reason=f"{why}{again}", id=line.id)

    def _refusal(self, proposal: Proposal) -> str:
        policy = self._record.policy
        if policy is None:
            return "it has only just begun: propose once it is escalated"
        return self._no_time_for_it() or self._does_not_fit(proposal, policy) or self._enough(proposal)

    def _no_time_for_it(self) -> str:
        record, asked = self._record, self._asked()
        if record.outcome or record.cancelled or self._alert_is_over():
            return "the alert or the incident is over: nothing is begun any more"
        if record.paused:
            return f"it is paused, and nothing is begun: {record.paused.why}"
        if asked:
            return f"{asked.named} waits for a decision: deny that first, or let it be decided"
        if line := open_of(record.proposals):
            return f"a proposal is open already: {line.says}, by {line.who}"
        if record.phase is not Phase.ESCALATED:
            return f"it goes on by itself (phase: {record.phase}): propose once it is escalated"
        return ""

    def _does_not_fit(self, proposal: Proposal, policy: Policy) -> str:
        name, services = self._service_of(proposal), services_of(policy)
        service = next((one for one in services if one.name == name), None)
        if service is None:
            known = ", ".join(one.name for one in services) or "none"
            return f"this incident may not act on {name}; it may on: {known}"
        return PROPOSABLE[proposal.action].unfit(service, proposal.as_settings)

    def _enough(self, proposal: Proposal) -> str:
        lines = self._record.proposals
        if len(lines) >= MOST:
            return f"there were {MOST} proposals already: a person goes on by hand"
        if not proposal.of_program:
            return ""
        if sum(one.of_program for one in lines) >= MOST_OF_PROGRAMS:
            return f"programs proposed {MOST_OF_PROGRAMS} times already: a person may still propose"
        content = proposal.content(self._service_of(proposal))
        denied = (one for one in lines if one.content == content and one.became is Became.DENIED)
        if line := next(denied, None):
            return f"it was denied already ({line.why}): a person may propose it again"
        return ""
