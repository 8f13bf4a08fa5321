"""What the configuration says about one incident, taken once when the run begins."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from models.actions.change import Risk
from models.answers.answer import Answer
from models.base import Configured, Duration, Interval, Model
from models.incident.announcement import Addresses
from models.incident.stewardship import ControlRoomState
from models.names import Severity
from models.service.secret import SecretRef
from models.service.service import Service

RESPOND_WITHIN = {
    Severity.CRITICAL: timedelta(minutes=5),
    Severity.WARNING: timedelta(minutes=30),
    Severity.INFO: timedelta(hours=4),
}
"""The default deadlines, measured from the alert's `startsAt`."""

LONGEST_CRASH_WINDOW = timedelta(days=1)
"""So long the steward of a service remembers its crashes."""


class Thresholds(Configured):
    """When a service counts as recovered, and when trying again is over."""

    stable_for: Duration = timedelta(minutes=5)
    crash_limit: int = Field(default=3, ge=1)
    """This many crashes within `crash_window` end the restarts."""
    crash_window: Interval = Field(default=timedelta(hours=1), le=LONGEST_CRASH_WINDOW)
    source_agrees_within: Duration = timedelta(minutes=6)
    """How long the alert's source may take to agree, for its own decay and grouping."""
    person_within: Interval = timedelta(days=1)
    """So long a person may take for what only a person can do; then the incident is escalated."""


class ApprovalPolicy(Configured):
    """Who may approve, how long a question stands, and whether the raw UI signal counts."""

    approvers: tuple[str, ...] = ()
    """Authenticated names that may decide; empty means every authenticated person."""
    own_proposals: bool = Field(default=True, exclude_if=bool)
    """Whether a person may approve what they proposed themselves. A program never approves anything."""
    ask_again_after: Interval = timedelta(minutes=10)
    """Without an answer for this long, the next rung is asked."""
    expire_after: Interval = timedelta(hours=4)
    temporal_ui: bool = True
    """Whether raw messages count: what comes from the Temporal UI, or from anybody who reaches Temporal."""
    trust_this_machine: bool = True
    """Whether who types commands on the worker's machine is the user that its operating system says."""
    trusted_machines: tuple[str, ...] = ()
    """Other machines that are trusted so, by their host names."""
    keys: tuple[SecretRef, ...] = Field(default=(), exclude=True)
    """What signs the words of people, the newest first; each verifies. In no history."""

    def trusts(self, host: str, *, here: bool) -> bool:
        """Whether a user of this machine is believed to be who its operating system says."""
        return (here and self.trust_this_machine) or host in self.trusted_machines


class Rung(Model):
    """One step of the escalation ladder: whom to reach, when, and through which channels in order."""

    role: str
    after: timedelta
    """Measured from the alert's `startsAt`."""
    channels: tuple[str, ...]
    person: str = ""
    """Whom the first of its channels that reaches one person reaches, as the configuration says."""


class Ladder(Model):
    """The rungs of one incident, lowest first, and who is paged for a special finding."""

    rungs: tuple[Rung, ...]
    broadcast: tuple[str, ...] = ()
    """Channels that hear of every rung (Slack `#alerts`)."""
    specialists: dict[str, Rung] = Field(default_factory=dict)
    """By topic, such as `database`: paged at once when that is found."""
    ask_again_after: timedelta = timedelta(minutes=30)
    """An acknowledged incident that is quiet for this long is asked about again."""
    reach_within: timedelta = timedelta(minutes=1)
    """So long the channels of a rung are tried again before the next rung is paged."""
    page_after: timedelta = timedelta()
    """So long the first rung waits for what may be repaired without anybody."""
    quiet_for: timedelta = timedelta()
    """Nobody is paged before, from the alert's `startsAt`; the broadcast channels hear of it at once."""
    edited: tuple[str, ...] = ()
    """Channels whose message is edited as the incident goes on."""


class Urgency(Model):
    """What a severity decides: how soon somebody must respond, and whom to reach."""

    respond_within: timedelta
    ladder: Ladder


class Policy(Model):
    """Targets, thresholds, deadlines, ladder and risk of one incident, as of its start."""

    runbook: str
    severity: Severity
    respond_within: timedelta
    service: Service | None
    """None when the alert names a service that the configuration does not know: nothing is touched."""
    service_by_default: bool = False
    """The alert named none: `service` is what the configuration says for alerts of this name."""
    dependencies: tuple[Service, ...] = ()
    dependents: tuple[Service, ...] = ()
    """The services that need this one."""
    thresholds: Thresholds = Thresholds()
    risks: dict[str, Risk] = Field(default_factory=dict)
    approval: ApprovalPolicy = ApprovalPolicy()
    ladder: Ladder
    time_zone: str = "UTC"
    """Where days begin, as for a daily budget."""
    alertmanager: str | None = None
    links: dict[str, str] = Field(default_factory=dict)
    addresses: Addresses = Addresses()
    """For the links in its messages."""
    control_room: ControlRoomState = ControlRoomState()
    """What paused it when it began."""
    higher: dict[Severity, Urgency] = Field(default_factory=dict)
    """By severity, for an alert that says a higher one while its incident is open."""
    answer: Answer | None = Field(default=None, exclude_if=lambda answer: answer is None)
    """What is done where the configuration itself answers the alert, with its names filled in."""
    dry_run: str = ""
    """Why actions are recorded and not performed: the place of the configuration, or that it was asked for.
    Empty where they are performed."""

    def only_records(self, service: Service) -> bool:
        """Whether what would be done to this service is recorded, and not done."""
        return bool(self.dry_run) or service.dry_run

    def asks_dry_run_of(self, service: str) -> bool:
        """Whether an incident of this service that this one starts must be told that it is a dry run: its
        own configuration does not say so, and nothing may be done on behalf of a dry run."""
        services = (*([self.service] if self.service else []), *self.dependencies, *self.dependents)
        dry_itself = any(one.dry_run for one in services if one.name == service)
        return bool(self.dry_run) and not dry_itself

    def raised_to(self, severity: Severity) -> Policy | None:
        """The same with a higher severity; None for one that changes nothing. It never falls."""
        urgency = self.higher.get(severity)
        if urgency is None or severity.rank >= self.severity.rank:
            return None
        return self.model_copy(update={"severity": severity, **dict(urgency)})
