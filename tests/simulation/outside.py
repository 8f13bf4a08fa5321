"""The services of an episode, as looks see them, as effects change them and as channels reach people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from activities.health.dependencies import DependenciesSeen, DependencySeen, LookAtDependencies
from activities.incidents.stewardship import HistorySeen
from activities.managers.process_seen import ProcessSeen
from activities.postgres.database_seen import DatabaseKind
from models.actions.change import Change
from models.actions.surroundings import Degrade, RestoreService
from models.evidence.evidence import Evidence, Finding
from models.incident.announcement import Announcement, Delivered, Receipt
from models.service.service import Service
from tests.workflows import sights
from tests.workflows.world import LOOKS

HOPELESS = ", and nothing helps"


@dataclass
class Place:
    """One service: what is broken, and what was done to it."""

    fault: str = ""
    hopeless: bool = False
    degraded: bool = False
    broken_at: datetime = sights.LONG_AGO
    done_at: dict[str, datetime] = field(default_factory=dict)

    @property
    def crashed(self) -> bool:
        return self.fault == "crashed"

    @property
    def down(self) -> bool:
        return self.fault in ("crashed", "hung")


@dataclass
class Outside:
    """Everything beside Temporal that an episode has."""

    now: Callable[[], datetime]
    places: dict[str, Place] = field(
        default_factory=lambda: {name: Place() for name in ("backend", "postgres", "frontend")}
    )
    channels_down: set[str] = field(default_factory=set)

    def breaks(self, service: str, how: str) -> None:
        place = self.places[service]
        place.hopeless = how.endswith(HOPELESS)
        place.fault = how.removesuffix(HOPELESS)
        place.broken_at = self.now()

    def recovers(self, service: str) -> None:
        self.places[service].fault = ""

    def change(self, action: Change, asked_at: datetime) -> bool:
        """Do it, unless it was done since it was asked for; whether that helped."""
        place = self.places[action.service.name]
        done_at = place.done_at.get(action.kind)
        if done_at and done_at >= asked_at:
            return True
        if isinstance(action, Degrade | RestoreService):
            place.degraded = isinstance(action, Degrade)
        elif place.hopeless and place.fault:
            return False
        else:
            place.fault = ""
        place.done_at[action.kind] = self.now()
        return True

    def unwell(self, service: Service) -> bool:
        """Whether a watch over this service sees anything wrong."""
        return bool(self.places[service.name].fault) and not self.places[service.name].degraded

    def look(self, name: str, about: Any) -> Evidence:
        """What this look finds now."""
        own: dict[str, Callable[[Any], Evidence]] = {
            "probe_health": self._health,
            "look_at_process": self._process,
            "look_at_dependencies": self._dependencies,
            "check_database": self._database,
            "look_at_history": lambda _: HistorySeen(finding=Finding.OK, reason="nothing is remembered"),
            "look_at_errors": lambda service: (
                sights.MANY_ERRORS if self._fails(service) else sights.FEW_ERRORS
            ),
            "probe_providers": lambda service: self._if(
                service, "provider down", sights.PROVIDER_DOWN, sights.SERVING
            ),
            "look_at_sessions": lambda request: self._if(
                request.service, "deadlocked", sights.deadlocked(), sights.CALM
            ),
        }
        if name in own:
            return own[name](about)
        return LOOKS[name].result(finding=Finding.OK, reason="nothing wrong")

    def announce(self, message: Announcement) -> Delivered:
        """Try every channel of a message."""
        names = (*message.first_of, *message.also_to)
        receipts = tuple(Receipt(channel=one, delivered=one not in self.channels_down) for one in names)
        wanted = message.first_of or message.also_to
        return Delivered(receipts=receipts, reached=any(one not in self.channels_down for one in wanted))

    def _if(self, service: Service, fault: str, bad: Evidence, good: Evidence) -> Evidence:
        return bad if self.places[service.name].fault == fault else good

    def _fails(self, service: Service) -> bool:
        waits = self.places["postgres"].fault in ("deadlocked", "crashed")
        return self.unwell(service) or waits

    def _health(self, service: Service) -> Evidence:
        return sights.REFUSED if self.places[service.name].down else sights.HEALTHY

    def _process(self, service: Service) -> ProcessSeen:
        place = self.places[service.name]
        return sights.crashed(place.broken_at) if place.crashed else sights.RUNNING

    def _database(self, service: Service) -> Evidence:
        place = self.places[service.name]
        kind = DatabaseKind.TIMED_OUT if place.fault == "hung" else DatabaseKind.REFUSED
        return sights.database(kind) if place.down else sights.ANSWERS

    def _dependencies(self, request: LookAtDependencies) -> DependenciesSeen:
        seen = [
            (one, self._database(one) if one.is_database else self._health(one)) for one in request.services
        ]
        return DependenciesSeen(
            finding=Finding.BAD if any(found.bad for _, found in seen) else Finding.OK,
            reason="looked at",
            services=tuple(
                DependencySeen(
                    service=one.name, finding=found.finding, reason=found.reason, is_database=one.is_database
                )
                for one, found in seen
            ),
        )
