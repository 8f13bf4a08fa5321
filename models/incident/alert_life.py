"""The life of an alert, as one incident hears of it: instances begin, repeat, change and end.

Notifications come at least once: late, twice, out of order, and merged. What orders them is, for
each instance by itself, the start and the end that its source claims; where it claims none, their
arrival. An incident is over when no instance fires any more.

    claimed start  earlier or the same   a repeat, or the source moved it: nothing new
                   later                 it fires again
    end            before the start that is known   the end of an earlier firing: stale
                   otherwise                        this instance is over
    firing after its end, with a start that is known or lies before that end
                   within LATE_COPIES    a late copy: nothing new
                   later                 it fires again; its source merged the two firings
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from models.base import Model
from models.incident.alert import Alert

LATE_COPIES = timedelta(minutes=15)
"""For so long Prometheus itself repeats what is over, and a firing whose end is known is a late copy."""

STILL_FIRES = timedelta(hours=1)
"""For so long a firing that outlives its incident, closed by a person or as healed, opens no other one."""

ON_ITS_WAY = timedelta(minutes=1)
"""So long an alert may take from its start to where its source lists it."""

MOST_INSTANCES = 3_000
"""More are not told apart: what was heard first is forgotten, and what is over before what fires."""

BY_HAND = ""
"""What a person or another incident fired, until the alert's source speaks of it itself."""

LONGEST = 64


class Change(StrEnum):
    """What a notification changes."""

    STALE = "a late copy"
    REPEATED = "still fires"
    JOINED = "another instance fires"
    AGAIN = "fires again"
    PARTLY_OVER = "one instance is over"
    OVER = "no instance fires any more"


class Instance(Model):
    """One instance of an alert: the newest that is known of it."""

    firing: bool
    starts_at: datetime
    """The latest start that was claimed for it."""
    ends_at: datetime | None = None
    """The latest end that was claimed for it."""
    heard_at: datetime
    """When its present state was first heard of."""

    @property
    def began_at(self) -> datetime:
        """A clock that is ahead claims a start that lies after it was heard of."""
        return min(self.starts_at, self.heard_at)

    def ended_by(self, over: Alert) -> bool:
        """Whether this end belongs to what is known to fire, and not to an earlier firing."""
        if over.ends_at is not None and self.ends_at is not None and over.ends_at <= self.ends_at:
            return False
        if over.dated and over.starts_at == self.starts_at:
            return True
        if over.ends_at is not None:
            return over.ends_at >= self.began_at
        return not over.dated or over.starts_at >= self.starts_at

    def is_copy(self, fires: Alert, now: datetime) -> bool:
        """Whether a firing, heard after the end, is only late. Without a start, its arrival decides."""
        if not fires.dated or now - self.heard_at >= LATE_COPIES:
            return False
        return fires.starts_at <= self.starts_at or (
            self.ends_at is not None and fires.starts_at < self.ends_at
        )

    def known_to(self, listed: Alert, asked_at: datetime) -> bool:
        """Whether a source that was asked then must have known of it, if it still fired."""
        heard_of = self.heard_at <= asked_at or self.starts_at <= asked_at - ON_ITS_WAY
        return heard_of and self.starts_at >= listed.starts_at


class AlertLife:
    """Every instance of one alert, with what was heard of it."""

    def __init__(self, instances: Mapping[str, Instance] | None = None) -> None:
        self._instances = dict(instances or {})

    @property
    def instances(self) -> dict[str, Instance]:
        """All that is known, to be handed on."""
        return dict(self._instances)

    @property
    def firing(self) -> dict[str, Instance]:
        """The instances that fire."""
        return {key: one for key, one in self._instances.items() if one.firing}

    def hear(self, alert: Alert, now: datetime) -> Change:
        """Take one notification, heard now."""
        fired = any(one.firing for one in self._instances.values())
        if alert.still_active is not None:
            return self._only(alert, now)
        change = self._fires(alert, now) if alert.firing else self._ends(alert, now)
        if change is Change.PARTLY_OVER and fired and not self.firing:
            change = Change.OVER
        self._forget()
        return change

    def _fires(self, alert: Alert, now: datetime) -> Change:
        key = instance_of(alert)
        known = self._instances.get(key)
        if known and known.firing and (not alert.dated or alert.starts_at <= known.starts_at):
            return Change.REPEATED
        if known and not known.firing and known.is_copy(alert, now):
            return Change.STALE
        if key != BY_HAND:
            self._instances.pop(BY_HAND, None)
        starts_at = max(alert.starts_at, known.starts_at) if known else alert.starts_at
        ends_at = known.ends_at if known else None
        self._keep(key, Instance(firing=True, starts_at=starts_at, ends_at=ends_at, heard_at=now))
        return Change.AGAIN if known else Change.JOINED

    def _ends(self, alert: Alert, now: datetime) -> Change:
        key = instance_of(alert)
        known = self._instances.get(key)
        if known and known.firing and not known.ended_by(alert):
            return Change.STALE
        by_hand = self._instances.get(BY_HAND)
        if key != BY_HAND and by_hand and by_hand.ended_by(alert):
            del self._instances[BY_HAND]
        claimed = min(alert.ends_at, now) if alert.ends_at else None
        ends = [one for one in (claimed, known.ends_at if known else None) if one is not None]
        over = Instance(
            firing=False,
            starts_at=max(alert.starts_at, known.starts_at) if known else alert.starts_at,
            ends_at=max(ends, default=None),
            heard_at=known.heard_at if known and not known.firing else now,
        )
        self._keep(key, over)
        return Change.PARTLY_OVER

    def _only(self, listed: Alert, now: datetime) -> Change:
        """The source listed what it still has: all else that it can have known is over."""
        asked_at = listed.ends_at or now
        gone = [
            key
            for key, one in self.firing.items()
            if key != BY_HAND and key not in (listed.still_active or ()) and one.known_to(listed, asked_at)
        ]
        for key in gone:
            ended = {"firing": False, "ends_at": asked_at, "heard_at": now}
            self._keep(key, self._instances[key].model_copy(update=ended))
        if not gone:
            return Change.STALE
        return Change.PARTLY_OVER if self.firing else Change.OVER

    def _keep(self, key: str, instance: Instance) -> None:
        self._instances.pop(key, None)
        self._instances[key] = instance

    def _forget(self) -> None:
        if len(self._instances) > MOST_INSTANCES:
            over = (key for key, one in self._instances.items() if not one.firing)
            del self._instances[next(over, next(iter(self._instances)))]


class Closed(Model):
    """What is remembered of an incident that is closed: the result of its run."""

    instances: dict[str, Instance] = {}

    def knows(self, alert: Alert, closed_at: datetime, now: datetime) -> bool:
        """Whether this firing is no news: its incident knew it, and closed a short while ago."""
        known = self.instances.get(instance_of(alert))
        if known is None or instance_of(alert) == BY_HAND:
            return False
        if not known.firing:
            return known.is_copy(alert, now)
        same = not alert.dated or alert.starts_at <= known.starts_at
        return same and now - closed_at < STILL_FIRES


def instance_of(alert: Alert) -> str:
    """What tells the instances of an alert apart: its fingerprint, or its labels where there is none."""
    if alert.source != "alertmanager":
        return BY_HAND
    if alert.fingerprint:
        return shortened(alert.fingerprint)
    return by_labels(alert.labels)


def by_labels(labels: Mapping[str, str]) -> str:
    """A digest of the labels, whatever their order."""
    told = "\n".join(f"{name!r}={value!r}" for name, value in sorted(labels.items()))
    return _digest(told)


def shortened(fingerprint: str) -> str:
    """Unchanged, or a digest when it is too long."""
    return fingerprint if len(fingerprint) <= LONGEST else _digest(fingerprint)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:32]
