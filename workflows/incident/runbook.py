"""The thin base of every runbook: the messages that an incident takes, each handed on in one line."""

from __future__ import annotations

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Decided, Decision, IncidentState, Verdict
    from models.incident.so_far import Opened
    from models.people.link import SignedLink
    from models.proposals.proposal import Proposal, Proposed
    from workflows.incident.incident import Incident


class Runbook:
    """A workflow type named as its alert. Its `page` reads as the runbook does."""

    hurts = ""
    """Whom it hurts while it lasts, and how: for the review."""

    @workflow.init
    def __init__(self, opened: Opened) -> None:
        self.incident = Incident(opened.alert, opened.so_far)
        self.incident.record.hurts = self.hurts

    @workflow.signal(
        description='Approve the pending plan. No input is needed; "DIGEST" takes that one of several.'
    )
    async def approve(self, decision: Any = None) -> None:
        await self.incident.people.signal(Verdict.APPROVE, decision)

    @workflow.signal(
        description="Deny the pending plan, and all others that are offered. No input is needed."
    )
    async def deny(self, decision: Any = None) -> None:
        await self.incident.people.signal(Verdict.DENY, decision)

    @workflow.signal(description="I am on it: stop the escalation. No input is needed.")
    async def acknowledge(self, words: Any = None) -> None:
        await self.incident.people.acknowledge(words)

    @workflow.signal(description='Write a note into the timeline, as "…" or {"text": "…"}.')
    async def note(self, words: Any = None) -> None:
        await self.incident.people.note(words)

    @workflow.signal(description="The human's part is done: close an escalated incident. No input is needed.")
    async def done(self, words: Any = None) -> None:
        await self.incident.people.done(words)

    @workflow.signal(description="Look and act again, although it is escalated. No input is needed.")
    async def retry(self, words: Any = None) -> None:
        await self.incident.people.retry(words)

    @workflow.signal(description="Maintenance, or the suspension of all actions, begins or ends.")
    def control_room_changed(self, said: Any = None) -> None:
        self.incident.pause.look()

    @workflow.signal(description="The alert fired again or was resolved.")
    def alert_changed(self, *alerts: Any) -> None:
        self.incident.notifications.hear(alerts)

    @workflow.signal(description="What the steward of the service says.")
    def steward_says(self, says: Any = None) -> None:
        self.incident.remediation.hear(says)

    @workflow.signal(description="Another incident waits for the end of this one.")
    def incident_waits(self, waiting: Any = None) -> None:
        self.incident.others.hear_waiting(waiting)

    @workflow.signal(description="The incident that this one waits for has ended.")
    def incident_ended(self, ended: Any = None) -> None:
        self.incident.others.hear_ended(ended)

    @workflow.update(description="Decide on one exact plan: as a person under a signature, raw otherwise.")
    async def decide(self, decision: Decision) -> Decided:
        return await self.incident.people.decide(decision)

    @workflow.update(description="Use up the link of a message, as the intake does for who opened it.")
    async def use_link(self, link: SignedLink) -> Decided:
        return await self.incident.people.use_link(link)

    @workflow.update(description="Propose one action of the catalogue, under a signature. It is asked about.")
    async def propose(self, proposal: Proposal) -> Proposed:
        return await self.incident.people.propose(proposal)

    @propose.validator
    def may_propose(self, proposal: Proposal) -> None:
        self.incident.proposals.check(proposal)

    @workflow.query(description="Whether the link with this nonce is used up.")
    def link_used(self, nonce: str) -> bool:
        return self.incident.people.used(nonce)

    def message_came(self) -> None:
        """Another one may follow at once."""
        self.incident.record.continuation.heard()

    def note_dropped(self, what: str) -> None:
        """A message could not be taken."""
        self.incident.timeline.add(what)

    @workflow.query(description="Phase, cause, awaited decision and timeline.")
    def state(self) -> IncidentState:
        return self.incident.state()
