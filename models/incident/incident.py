"""One incident: its phase, its timeline, the approval it waits for, and messages from people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field

from models.actions.change import Risk
from models.actions.plan import Plan
from models.base import Model
from models.catalogue.line import ProposalLine
from models.evidence.evidence import Probes
from models.incident.alert import Alert
from models.incident.announcement import NextRung, Sent
from models.incident.refusal import Refusal
from models.names import Severity
from models.people.said import Said
from models.people.signature import BY_LINK, Signature, Statement
from models.redaction.redact import redact


class Phase(StrEnum):
    """The phases that every alert runbook goes through."""

    TRIAGE = "triage"
    DIAGNOSING = "diagnosing"
    AWAITING_APPROVAL = "awaiting approval"
    PAUSED = "paused"
    ACTING = "acting"
    VERIFYING = "verifying"
    RESOLVED = "resolved"
    ESCALATED = "escalated"
    CLOSED = "closed"


class Outcome(StrEnum):
    """How an incident ended."""

    SELF_RECOVERED = "self-recovered"
    RESOLVED = "resolved"
    RESOLVED_ELSEWHERE = "resolved-elsewhere"
    CLOSED_BY_HUMAN = "closed-by-human"
    CANCELLED = "cancelled"
    """A person had its run cancelled."""
    DRY_RUN = "dry-run"
    """What would have been done was recorded; how it ended without that stands in the review."""


class Through(StrEnum):
    """The channel by which a message came in."""

    TEMPORAL_UI = "a Temporal signal"
    INTAKE = "the intake"
    LINK = BY_LINK
    COMMAND = "the command line"
    SLACK = "Slack"
    PROGRAM = "a program"
    CANCELLATION = "a cancellation in Temporal"
    PRODUCT = "the workflow"


LONGEST_SAID = 4000
"""Characters of what a person says that are read: hiding secrets takes a workflow's time."""


def _without_secrets(said: str) -> str:
    return redact(said[:LONGEST_SAID])[:LONGEST_SAID]


class Spoken(Model):
    """A message from a person. From the Temporal UI every field may be left out."""

    by: str = ""
    through: Through = Through.TEMPORAL_UI
    text: Annotated[str, AfterValidator(_without_secrets)] = ""
    """Cut to a bound, and without what looks like a secret, through every channel."""
    says_to_be: str = ""
    """The name that a user of the command line gave, where it is not the user's own."""
    signature: Signature | None = None
    """Without one that holds, nobody vouches for what this message says of itself."""
    claim: str = ""
    """What a raw message says of itself: set when it is heard, and never believed."""

    @property
    def signed_as(self) -> str:
        """The person, and how they call themselves."""
        return f"{self.by} (as {self.says_to_be})" if self.says_to_be else self.by

    def statement(self, incident: str, message: str, signature: Signature) -> Statement:
        """What a signature of it binds, as a message to this incident."""
        return Statement(
            incident=incident,
            message=message,
            plan="",
            by=self.by,
            says_to_be=self.says_to_be,
            through=self.through,
            text=self.text,
            signature=signature,
        )


class Verdict(StrEnum):
    APPROVE = "approve"
    DENY = "deny"


class Decision(Spoken):
    """An answer to one plan, named by its digest. Without a digest it answers what is pending.

    An approval takes the plan that it names, or the recommended one; a denial refuses all of them.
    """

    verdict: Verdict = Verdict.APPROVE
    plan: str = ""

    def statement(self, incident: str, message: str, signature: Signature) -> Statement:
        bound = super().statement(incident, message, signature)
        return bound.model_copy(update={"plan": self.plan})


class Decided(Model):
    """Whether a decision was accepted, and the reason."""

    accepted: bool
    reason: str


class StepInWords(Model):
    """What a person must know of one step before they approve it."""

    says: str
    changes: str
    undo: str
    """Empty for what cannot be undone."""


class Option(Model):
    """One exact plan that may be approved, with its own digest and risk."""

    plan: Plan
    digest: str
    risk: Risk
    recommended: bool = False
    """Whether it is the one that is taken when an approval names none."""
    steps: tuple[StepInWords, ...] = ()
    """The plan's steps in words, for readers of the JSON."""

    @classmethod
    def of(cls, plan: Plan, risks: Mapping[str, Risk]) -> Self:
        """An option of this plan, by the configuration's risks."""
        steps = (StepInWords(says=one.says, changes=one.changes, undo=one.undo or "") for one in plan.steps)
        return cls(plan=plan, digest=plan.digest, risk=plan.risk(risks), steps=tuple(steps))


class PendingApproval(Option):
    """A request for approval: of one exact plan, which is the recommended one where there are others."""

    recommended: bool = True
    others: tuple[Option, ...] = ()
    """The plans that may be approved instead."""
    asked_at: datetime
    expires_at: datetime
    limit: Refusal | None = None
    """The limit of the service that an approval overrides."""

    @property
    def options(self) -> tuple[Option, ...]:
        """Every plan that may be approved, the recommended one first."""
        return (self, *self.others)

    @property
    def digests(self) -> tuple[str, ...]:
        """Those of all options, the recommended one first."""
        return tuple(one.digest for one in self.options)

    @property
    def named(self) -> str:
        """What is asked, by digest: `plan A`, or `plans A (recommended), B, C`."""
        if not self.others:
            return f"plan {self.digest}"
        return f"plans {self.digest} (recommended), {', '.join(one.digest for one in self.others)}"


class EntryKind(StrEnum):
    """What a line of the timeline is about, where a reader looks for it."""

    EVENT = "event"
    NOT_TOLD = "not told"
    """A channel, or everybody of a rung, that a message did not reach."""
    CONFIRMED = "confirmed"
    CAUSE = "cause"
    VERIFIED = "verification"
    ESCALATED = "escalated"
    EXPIRED = "expired"  # escalated, because nobody answered a question in time

    @property
    def start(self) -> str:
        """How the text of such a line begins."""
        starts = EntryKind.ESCALATED if self is EntryKind.EXPIRED else self
        return "" if starts in (EntryKind.EVENT, EntryKind.NOT_TOLD) else f"{starts}: "


class Entry(Model):
    """One line of the timeline, to the second, with who and through what."""

    at: datetime
    text: str
    by: str = "runbook"
    through: Through = Through.PRODUCT
    kind: EntryKind = EntryKind.EVENT
    sent: Sent | None = None
    """The message that this line tells of."""
    asked: dict[str, str] = Field(default_factory=dict)
    """What each plan does that this line asks to approve, by digest."""
    said: Said | None = None

    @property
    def of_a_person(self) -> bool:
        return self.through not in (Through.PRODUCT, Through.PROGRAM)


class EvidenceLine(Model):
    """What one look found, for people."""

    name: str
    finding: str
    reason: str
    at: datetime | None = None
    applies: bool = True
    """False where the service has nothing of the kind."""


def what_matters_first(evidence: Iterable[EvidenceLine]) -> list[EvidenceLine]:
    """What is bad, then what could not be seen, then what is well; without what does not apply."""
    found = (one for one in evidence if one.applies)
    return sorted(found, key=lambda one: (one.finding != "bad", one.finding != "unknown"))


class Performed(Model):
    """One plan that was carried out, or refused, or changed nothing."""

    plan: Plan
    approved_by: str
    done: bool
    lost: bool = False
    """Whether its last step happened is unknown."""
    paused: bool = False
    """It was stopped between its steps by a maintenance window, or by the kill switch."""
    dry_run: bool = False
    """It was recorded, and not done."""
    throttled: timedelta | None = None
    """Its last step was refused for now: how long to wait before it is asked for again."""
    found: str
    kept: tuple[str, ...] = ()
    """Names of the files that are kept beside the review."""
    started_at: datetime
    finished_at: datetime
    instead_of: tuple[str, ...] = ()
    """The plans that were offered beside it, and that the person who approved it did not choose."""


class IncidentState(Model):
    """The answer to the query `state`: everything that the API and the commands show."""

    id: str
    alert: Alert
    runbook: str
    severity: Severity
    phase: Phase
    summary: str
    cause: str = ""
    also_seen: tuple[str, ...] = ()
    evidence: tuple[EvidenceLine, ...] = ()
    awaiting: PendingApproval | None = None
    waits_for: str = ""
    """What it lets time pass for, or asked a person to do."""
    waits_until: datetime | None = None
    refused: Refusal | None = None
    """Why the steward refused what was to be done last; None once something was done."""
    paused: str = ""
    """Why it stands still: nothing is done, and nobody is called."""
    paused_until: datetime | None = None
    acknowledged_by: str = ""
    rung: str = ""
    next_rung: NextRung | None = None
    """Whom it pages next; None where nobody is paged as it stands."""
    outcome: Outcome | None = None
    performed: tuple[Performed, ...] = ()
    proposals: tuple[ProposalLine, ...] = ()
    probes: Probes = Probes()
    timeline: tuple[Entry, ...] = Field(default_factory=tuple)
    review: str = ""
    """Where the review was written, once it was."""
    dry_run: str = ""
    """Why what would be done is recorded, and not done; empty where it is done."""
