"""What people say to an incident, whichever way they say it.

Every message is judged first: it is of the person whom its signature names, or raw. A raw one counts only
where the configuration lets it.
"""

from __future__ import annotations

import re

from pydantic import ValidationError
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Decided, Decision, Phase, Spoken, Through, Verdict
    from models.incident.so_far import HeardSoFar
    from models.messages import ACKNOWLEDGE, DONE, NOTE, PROPOSE, RETRY
    from models.people.link import SignedLink
    from models.people.said import Word
    from models.proposals.proposal import Proposal, Proposed
    from workflows.escalation.escalation import Escalation
    from workflows.people.signatures import Signatures
    from workflows.proposals.proposals import Proposals
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline, who
    from workflows.record.too_many import TooMany
    from workflows.remediation.approval import REFUSES_RAW, Approval


DIGEST = re.compile(r"[0-9a-f]{12}")


class People:
    """Takes decisions, acknowledgements, notes and the word that it is done; all may come early."""

    def __init__(self, record: Record, timeline: Timeline, approval: Approval, proposals: Proposals) -> None:
        self.escalation: Escalation | None = None
        """The ladder that they stop, once the incident has one."""
        self._record = record
        self._timeline = timeline
        self._approval = approval
        self._proposals = proposals
        self._signatures = Signatures()
        self._too_many = TooMany(timeline.add)

    def so_far(self) -> HeardSoFar:
        return self._signatures.so_far()

    def resume(self, so_far: HeardSoFar) -> None:
        """Refuse what was heard by the runs before this one."""
        self._signatures.resume(so_far)

    async def decide(self, decision: Decision) -> Decided:
        """Approve or deny what is pending; told whether it counted."""
        await self._policy_taken()
        heard = await self._signatures.hear(decision, decision.verdict, self._approval.policy)
        decided = self._approval.decide(heard.words, heard.refusal)
        if decided.accepted:
            self._heard()
        if not heard.words.claim:
            return decided
        return decided.model_copy(update={"reason": f"{decided.reason}; raw, and it {heard.words.claim}"})

    async def propose(self, proposal: Proposal) -> Proposed:
        """Take a proposal; told whether it was taken. It is asked about before anything is done."""
        heard = await self._signatures.hear(proposal, PROPOSE, self._approval.policy)
        proposed = self._proposals.take(heard.words, heard.refusal)
        if proposed.accepted and not proposal.of_program:
            self._heard()
        return proposed

    async def use_link(self, link: SignedLink) -> Decided:
        """Use up a link of a message, once; told whether it was still good."""
        refusal = await self._signatures.use_up(link)
        return Decided(accepted=not refusal, reason=refusal or "it was used for the first time")

    def used(self, nonce: str) -> bool:
        """Whether a signature with this nonce counted already."""
        return self._signatures.used(nonce)

    async def signal(self, verdict: Verdict, said: object) -> None:
        """The same by a signal, with no input or with the digest of a plan.

        Input that cannot be read decides nothing, and is noted.
        """
        if await self._too_many.in_task(verdict, said):
            return
        if isinstance(said, str) and DIGEST.fullmatch(said.strip().lower()):
            said = {"plan": said.strip().lower()}
        try:
            decision = Decision.model_validate({} if said is None else said)
        except ValidationError:
            unread = "its input is not a decision: send none, or a plan's digest"
            self._timeline.spoken(Word(verdict), Decision(through=Through.TEMPORAL_UI), refused=unread)
        else:
            await self.decide(decision.model_copy(update={"verdict": verdict}))

    async def acknowledge(self, said: object) -> None:
        """Somebody is on it: the ladder stops."""
        if words := await self._counted(ACKNOWLEDGE, said):
            self._timeline.spoken(Word.ACKNOWLEDGE, words)
            self._record.acknowledged_by = who(words)
            if self.escalation:
                self.escalation.acknowledge(who(words))

    async def note(self, said: object) -> None:
        """A line for the timeline."""
        if words := await self._counted(NOTE, said):
            self._timeline.spoken(Word.NOTE, words)
            self._heard()

    async def retry(self, said: object) -> None:
        """Look and act again, although a person was called."""
        words = await self._counted(RETRY, said)
        if words is None:
            return
        if self._record.phase is not Phase.ESCALATED:
            self._timeline.spoken(Word.RETRY, words, refused="it is not escalated")
            return
        self._record.retry = words
        self._timeline.spoken(Word.RETRY, words)
        self._heard()

    async def done(self, said: object) -> None:
        """The human's part of an escalated incident is done, or what a person was asked to do."""
        words = await self._counted(DONE, said)
        if words is None:
            return
        if self._record.wait and self._record.wait.asked_at:
            self._record.answered = words
            self._heard()
        else:
            self._record.done = words
        self._timeline.spoken(Word.DONE, words)

    def cancel(self, reason: str) -> None:
        """The run is cancelled: nothing more is begun, and nobody is paged for what failed before."""
        words = Spoken(text=reason, through=Through.CANCELLATION)
        self._record.cancelled = words
        self._timeline.spoken(Word.CANCEL, words)
        if self.escalation:
            self.escalation.stop()

    async def _counted(self, message: str, said: object) -> Spoken | None:
        """The words, as far as they may be believed; None, and a line, for what does not count."""
        if await self._too_many.in_task(message, said):
            return None
        await self._policy_taken()
        heard = await self._signatures.hear(_words(said), message, self._approval.policy)
        refusal = heard.refusal
        if heard.words.through is Through.TEMPORAL_UI and not self._approval.policy.temporal_ui:
            refusal = refusal or REFUSES_RAW
        if refusal:
            self._timeline.spoken(Word(message), heard.words, refused=refusal)
        return None if refusal else heard.words

    async def _policy_taken(self) -> None:
        """What counts is known once the incident has its policy; what comes earlier waits for it."""
        await workflow.wait_condition(lambda: self._record.policy is not None)

    def _heard(self) -> None:
        if self.escalation:
            self.escalation.heard()


def _words(said: object) -> Spoken:
    """What somebody said, by whatever input they gave: a bare text is their words."""
    if isinstance(said, str):
        return Spoken(text=said)
    try:
        return Spoken.model_validate({} if said is None else said)
    except ValidationError:
        return Spoken(text="(with an input that could not be read)")
