"""What people say to an incident, whichever way they say it."""

from __future__ import annotations

import re

from pydantic import ValidationError
from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.incident import Decided, Decision, Phase, Spoken, Through, Verdict
    from workflows.escalation.escalation import Escalation
    from workflows.record.record import Record
    from workflows.record.timeline import Timeline, who
    from workflows.remediation.approval import Approval


DIGEST = re.compile(r"[0-9a-f]{12}")


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

    def signal(self, verdict: Verdict, said: object) -> None:
        """The same by a raw signal, with no input or with the digest of a plan.

        Nobody vouches for who sent it, whatever it says of itself. Input that cannot be read decides
        nothing, and is noted.
        """
        raw = {"verdict": verdict, "through": Through.TEMPORAL_UI}
        if isinstance(said, str) and DIGEST.fullmatch(said.strip().lower()):
            said = {"plan": said.strip().lower()}
        try:
            decision = Decision.model_validate({} if said is None else said)
        except ValidationError:
            unread = f"{verdict} did not count (its input is not a decision: send none, or a plan's digest)"
            self._timeline.spoken(unread, Decision().model_copy(update=raw))
        else:
            self.decide(decision.model_copy(update=raw))

    def acknowledge(self, said: object) -> None:
        """Somebody is on it: the ladder stops."""
        words = _words(said)
        self._timeline.spoken("acknowledged", words)
        self._record.acknowledged_by = who(words)
        if self.escalation:
            self.escalation.acknowledge(who(words))

    def note(self, said: object) -> None:
        """A line for the timeline."""
        self._timeline.spoken("note", _words(said))
        self._heard()

    def retry(self, said: object) -> None:
        """Look and act again, although a person was called."""
        words = _words(said)
        if self._record.phase is not Phase.ESCALATED:
            self._timeline.spoken("retry did not count (it is not escalated)", words)
            return
        self._record.retry = words
        self._timeline.spoken("retry", words)
        self._heard()

    def done(self, said: object) -> None:
        """The human's part of an escalated incident is done, or what a person was asked to do."""
        words = _words(said)
        if self._record.wait and self._record.wait.asked_at:
            self._record.answered = words
            self._heard()
        else:
            self._record.done = words
        self._timeline.spoken("done", words)

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
