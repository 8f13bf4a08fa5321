"""The messages between an incident and the steward of a service, and the kill switch.

The steward is the one writer of its service. It is asked by update-with-start under an
idempotency key, answers at once, and tells the rest by signal.
"""

from __future__ import annotations

import operator
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from models.actions.plan import Offer, Plan
from models.base import Model, Short
from models.evidence.deployment import Deployment
from models.incident.incident import Performed
from models.incident.maintenance import NO_REASON, EndWindow, Paused, Said, Window, end_of
from models.incident.order import NotTaken, SignedOrder, Used
from models.incident.refusal import Refusal
from models.names import Severity
from models.service.limits import Limits

LONGEST_ACTION = 300
"""Characters by which an action is known as the same."""


class Hold(Model):
    """One incident's claim on a service."""

    incident: Short
    run_id: Short
    """The run in which it began; it may go on in later ones."""
    severity: Severity
    asked_at: datetime


class Order(Model):
    """`Do this now`: sent by the holder, with the approval if one was needed. Done once a key."""

    key: Short
    incident: Short
    run_id: Short
    plan: Plan
    approved_by: str
    dry_run: bool = Field(default=False, exclude_if=operator.not_)
    """Whether it is recorded, and not done."""


class AllowedBy(StrEnum):
    """Who wants it: the limits of a service bind nobody who knows of them, and no revert."""

    POLICY = "policy"
    PERSON = "person"
    REVERT = "revert"


class Intent(Model):
    """What an incident means to do, as far as the limits of the service judge it."""

    essences: tuple[str, ...]
    """By which the plans are known when another incident makes them."""
    actions: tuple[str, ...]
    restarts: int
    limits: Limits

    @classmethod
    def of(cls, offer: Offer) -> Self:
        """A plan; of several that are offered, what any of them does."""
        needed = [[one for one in plan.steps if not one.optional] or plan.steps for plan in offer.plans]
        return cls(
            essences=tuple(plan.essence for plan in offer.plans),
            actions=tuple(dict.fromkeys(one.repeats[:LONGEST_ACTION] for steps in needed for one in steps)),
            restarts=max(sum(one.restarts for one in steps) for steps in needed),
            limits=offer.service.limits,
        )


class Ask(Model):
    """`May I act on this service?` The key makes a retry the same question."""

    key: Short
    service: str
    hold: Hold
    crashed_at: datetime | None = None
    """When the service was found to have crashed, for the steward's count."""
    order: Order | None = None
    """A plan that may be carried out now: taken only if the service is granted."""
    dry_run: bool = Field(default=False, exclude_if=operator.not_)
    """Whether it is for the steward of dry runs."""
    intent: Intent | None = None
    """What a person is about to be asked."""
    allowed_by: AllowedBy = AllowedBy.POLICY


class Answer(StrEnum):
    GRANTED = "granted"
    QUEUED = "queued"
    REFUSED = "refused"


class Answered(Model):
    answer: Answer
    why: str = ""
    refusal: Refusal | None = None
    """Why it was refused; of what is granted for a question, the limit that an approval overrides."""
    steward: str = ""
    """The first run of the steward that answered: another one remembers nothing of what this one was told."""


class Told(StrEnum):
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    PERFORMED = "performed"
    REFUSED = "refused"


class StewardSays(Model):
    """What the steward tells an incident by signal."""

    told: Told
    service: str
    run_id: str
    """The run in which the incident began: what is said to an earlier incident of its name is not for it."""
    key: str = ""
    why: str = ""
    paused: bool = False
    """It is refused only as long as a maintenance window, or the kill switch, is on."""
    refusal: Refusal | None = None
    performed: Performed | None = None


class Denial(Model):
    """A person's no to a plan, or to several; it stands for every incident of the service for a while."""

    incident: str
    run_id: str
    essences: tuple[str, ...]
    says: str
    by: str
    why: str
    at: datetime


class Released(Model):
    """The end of a hold: whether the service was healed. A failure is counted."""

    incident: str
    run_id: str
    acted: bool
    healed: bool
    denied: Denial | None = Field(default=None, exclude_if=operator.not_)
    """What a person denied under this hold."""
    key: Short = Field(default="", exclude_if=operator.not_)
    """Said twice under one key, it counts once."""


class Release(Model):
    """The end of a hold, and the steward that hears it."""

    service: str
    dry_run: bool
    released: Released


class Remembered(Model):
    """What a steward keeps of one plan: what was said, what was found, and when; no service, no path."""

    says: str
    approved_by: str
    done: bool
    found: str
    started_at: datetime
    finished_at: datetime
    essence: str = ""
    """By which the plan is known when it is made anew."""


class StewardState(Model):
    """What survives a steward's continue-as-new, and what the query `state` shows."""

    service: str
    holder: Hold | None = None
    acting: bool = False
    waiting: tuple[Hold, ...] = ()
    answered: dict[str, Answered] = {}
    """The newest answers by key, so that a retry after continue-as-new asks nothing twice."""
    performed: tuple[Remembered, ...] = ()
    done_keys: tuple[str, ...] = ()
    released_keys: tuple[str, ...] = ()
    """The newest, by which what is said twice counts once."""
    failures: tuple[datetime, ...] = ()
    failed: int = 0
    """Failed attempts in a row, since a recovery was proved."""
    restarts: tuple[datetime, ...] = ()
    lately: dict[str, datetime] = {}
    """When each action was last done, since a recovery was proved."""
    limits: Limits = Limits()
    """As the newest incident has them."""
    denials: tuple[Denial, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    crashes: tuple[datetime, ...] = ()
    blocked_until: datetime | None = None
    used: Used = Field(default=Used(), exclude_if=lambda used: used == Used())
    not_taken: tuple[NotTaken, ...] = Field(default=(), exclude_if=operator.not_)
    """The newest deployments that were told and did not count."""


class Switch(Model):
    """The kill switch as a person throws it."""

    by: Said
    why: Said = ""


class Terminated(Model):
    """An incident whose run somebody terminated: nothing runs in it any more."""

    incident: Short
    run_id: Short


class Ordered(SignedOrder):
    """What a person orders by a command; it is taken once a key, at the latest when a worker starts."""

    key: Short
    suspend: Switch | None = None
    resume: Switch | None = None
    begin: Window | None = None
    end: EndWindow | None = None
    terminated: Terminated | None = None
    """Not ordered, but found by a worker: everybody is to hear of it once."""

    @property
    def what(self) -> str:
        """`suspend`, `maintenance end backend-1f2e`."""
        if window := self.begin or self.end:
            return f"maintenance {'start' if self.begin else 'end'} {window.id}"
        return "suspend" if self.suspend else "resume" if self.resume else "the end of an incident"

    @property
    def claims(self) -> str:
        """Who ordered it, as it says itself."""
        one = self.suspend or self.resume or self.begin
        return one.by if one else ""


class Announced(Model):
    """What everybody was told has begun, so that its end is told as well."""

    key: str
    says: str
    service: str | None = None
    alert: str | None = None
    ended_by: str = ""
    """The command that ends it."""


class ControlRoomState(Model):
    """The fleet's switch, and its maintenance windows. While suspended no new action begins anywhere."""

    suspended: bool = False
    by: str = ""
    why: str = ""
    since: datetime | None = None
    windows: tuple[Window, ...] = ()
    told: tuple[Announced, ...] = ()
    reminded_at: datetime | None = None
    """When people were last told that it is suspended still."""
    heard: tuple[str, ...] = ()
    """The newest orders, by key."""
    used: Used = Field(default=Used(), exclude_if=lambda used: used == Used())
    not_taken: tuple[NotTaken, ...] = Field(default=(), exclude_if=operator.not_)
    """The newest orders that did not count."""

    def about(self, alert: str, service: str) -> ControlRoomState:
        """What of it is about one incident."""
        windows = tuple(one for one in self.windows if one.covers(alert, service))
        return ControlRoomState(
            suspended=self.suspended, by=self.by, why=self.why, since=self.since, windows=windows
        )

    def pauses(self, alert: str, service: str, now: datetime) -> Paused | None:
        """Why an incident of this alert and service stands still now; None when it does not."""
        if self.suspended:
            return Paused(why=self.suspended_words, since=now)
        theirs = [one for one in self.windows if one.covers(alert, service)]
        standing = [one for one in theirs if one.in_force(now)]
        if not standing:
            return None
        return Paused(why=standing[0].words(now), since=now, until=end_of(theirs, now))

    @property
    def suspended_words(self) -> str:
        """`suspended by ada: a migration`."""
        return f"suspended by {self.by}: {self.why or NO_REASON}"
