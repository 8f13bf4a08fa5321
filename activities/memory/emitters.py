"""Which event emitters of a Node.js service collect listeners, by the warnings in its log.

Node.js warns once for each emitter, so much more of the log is searched than is shown.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from temporalio import activity

from activities.managers import ManagerError, Managers
from activities.support.redaction import clean
from models.base import Model
from models.evidence.evidence import Evidence, Finding
from models.service.service import Service

SEARCHED = 5000
"""Lines."""
MOST = 10
"""Emitters that are named."""

_WARNING = re.compile(
    r"MaxListenersExceededWarning: Possible (?P<kind>\w{1,40}) memory leak detected\. (?P<count>\d{1,9})"
    r"(?: (?P<event>\S{1,80}))? listeners? added(?: to \[(?P<emitter>[^\]\n]{1,80})\])?"
)


class Emitter(Model):
    """One that collects listeners: how many there were when it was told, and for which event."""

    name: str
    event: str
    listeners: int

    @property
    def says(self) -> str:
        return f"{self.listeners} listeners for {self.event} on {self.name}"


class EmittersSeen(Evidence):
    """`bad` when there are warnings since the last start. A warning alone is no leak: it is a hint."""

    emitters: tuple[Emitter, ...] = ()


class EmitterActivities:
    """Searches logs through the manager of the service."""

    def __init__(self, managers: Managers) -> None:
        self._managers = managers

    @activity.defn
    def look_at_emitters(self, service: Service) -> EmittersSeen:
        """The warnings of the latest run, the newest for each emitter and event."""
        now = datetime.now(UTC)
        try:
            log = self._managers.of(service).logs(SEARCHED)
        except ManagerError as error:
            return EmittersSeen(reason=str(error), observed_at=now)
        found = emitters_in([line.decode("utf-8", "replace") for line in log.lines[-log.fresh :]])
        if not log.fresh or not found:
            reason = "no warning of too many listeners since its last start"
            return EmittersSeen(finding=Finding.OK, reason=reason, observed_at=now)
        named = ", ".join(one.says for one in found[:3])
        return EmittersSeen(finding=Finding.BAD, reason=named, observed_at=now, emitters=found)


def emitters_in(lines: list[str]) -> tuple[Emitter, ...]:
    """By the newest warning of each, the most listeners first."""
    newest: dict[tuple[str, str], Emitter] = {}
    for line in lines:
        if warning := _WARNING.search(line[:2000]):
            name = clean(warning["emitter"] or warning["kind"], 80)
            event = clean(warning["event"] or "an event", 80)
            newest[name, event] = Emitter(name=name, event=event, listeners=int(warning["count"]))
    return tuple(sorted(newest.values(), key=lambda one: (-one.listeners, one.name)))[:MOST]
