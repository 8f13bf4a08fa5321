"""What people say to an incident, whichever way they say it."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident import Decided, Decision, Spoken, Through, Verdict
    from workflows.approval import Approval
    from workflows.escalation import Escalation
    from workflows.record import Record
    from workflows.timeline import Timeline, who


class People:
    """Takes decisions, acknowledgements, notes and the word that it is done; all may come early."""

    def __init__(self, record: Record, timeline: Timeline, approval: Approval) -> None:
        self.escalation: Escalation | None = None
        """The ladder that they stop, once the incident has one."""
        self._record = record
        self._timeline = timeline
        self._approval = approval

    def decide(self, decision: Decision) -> Decided:
        """Approve or deny what is pending; told whether it counted."""
        self._heard()
        return self._approval.decide(decision)

    def signal(self, verdict: Verdict, decision: Decision | None) -> None:
        """The same by a raw signal: nobody vouches for who sent it, whatever it says of itself."""
        raw = {"verdict": verdict, "through": Through.TEMPORAL_UI}
        self.decide((decision or Decision()).model_copy(update=raw))

    def acknowledge(self, words: Spoken | None) -> None:
        """Somebody is on it: the ladder stops."""
        words = words or Spoken()
        self._timeline.spoken("acknowledged", words)
        self._record.acknowledged_by = who(words)
        if self.escalation:
            self.escalation.acknowledge(who(words))

    def note(self, words: Spoken | None) -> None:
        """A line for the timeline."""
        self._timeline.spoken("note", words or Spoken())
        self._heard()

    def done(self, words: Spoken | None) -> None:
        """The human's part of an escalated incident is done."""
        self._record.done = words or Spoken()
        self._timeline.spoken("done", self._record.done)

    def _heard(self) -> None:
        if self.escalation:
            self.escalation.heard()
