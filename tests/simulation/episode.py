"""One episode: a script is played to its end with the product's own workflows, and the rules watch."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from models.incident.alert import Alert, AlertStatus
from models.incident.stewardship import ControlRoomState
from tests.simulation.activities import SETTINGS, Performing
from tests.simulation.outside import Outside
from tests.simulation.rules import Rules
from tests.simulation.script import Event, Script
from tests.simulation.server import EPOCH, Server
from workflows.runbooks.classes import WORKFLOWS

Workflows = Mapping[str, Callable[[Any], Any]]
PRODUCT: Workflows = {one.__name__: one for one in WORKFLOWS}

QUIET = 1200.0
"""Seconds after the last event until the rules look at what everybody has."""
TO_THE_END = 4 * 3600.0
"""So long an incident may take once all is well: a block lasts an hour, a degradation may last four."""
REPEATS = (45.0, 240.0)


def play(script: Script, workflows: Workflows = PRODUCT) -> list[str]:
    """Every rule that this episode breaks, in order; none when all is as it must be."""
    return Episode(script, workflows).play()


class Episode:
    """What an event of the script does."""

    def __init__(self, script: Script, workflows: Workflows) -> None:
        self._script = script
        self._server = Server(script, workflows)
        self._outside = Outside(self._server.datetime)
        self._rules = self._server.observer = Rules(self._server)
        self._activities = Performing(self._server, self._outside, self._rules)
        self._server.activities = self._activities
        self._terminated: set[str] = set()

    def play(self) -> list[str]:
        server = self._server
        for event in self._script.events:
            server.after(event.at, lambda event=event: self._happens(event))  # type: ignore[misc]
        last = max((event.at for event in self._script.events), default=0.0)
        try:
            server.run_until(last + QUIET)
            self._rules.look_at_stewards()
            self._all_is_well()
            server.run_until(server.now + TO_THE_END)
            self._rules.look_at_ends("its alert is over", by_design=True)
            for run in server.open_runs():
                if not run.info.workflow_id.startswith("steward/"):
                    server.signal(run, "done")
            server.run_until(server.now + TO_THE_END)
            self._rules.look_at_ends("a person said done", by_design=False)
            self._nothing_is_left()
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            self._rules.breaks("defect", f"{type(error).__name__}: {error} ({where.name}:{where.lineno})")
        finally:
            for run in server.open_runs():
                run.end("the episode is over")
        return self._rules.broken

    def _happens(self, event: Event) -> None:
        server = self._server
        match event.what:
            case "breaks":
                self._outside.breaks(event.about, event.how)
            case "recovers":
                self._outside.recovers(event.about)
            case "fires":
                self._notify(event, self._alert(event.about, event.how, AlertStatus.FIRING))
            case "resolves":
                self._notify(event, self._alert(event.about, event.how, AlertStatus.RESOLVED))
            case "says":
                self._says(event.about, event.how)
            case "terminated":
                run = server.open_run(event.about)
                self._terminated |= {run.info.began_in} if run else set()
                server.terminate(event.about)
            case "away":
                server.away(float(event.how))
            case "switch":
                self._activities.switch = ControlRoomState(suspended=event.how == "suspend", by="ada")
            case "channel":
                down = {event.about} if event.how == "down" else set()
                self._outside.channels_down = self._outside.channels_down - {event.about} | down

    def _says(self, incident: str, what: str) -> None:
        run = self._server.open_run(incident)
        if run and what == "cancel":
            self._server.tell(run, run.cancel)
        elif run:
            self._server.signal(run, what)

    def _alert(self, incident: str, how: str, status: AlertStatus) -> Alert:
        name, _, service = incident.partition("/")
        instance, _, severity = how.partition(" ")
        now = self._server.datetime()
        return Alert(
            name=name,
            service=service,
            status=status,
            starts_at=now if status is AlertStatus.FIRING else self._began(incident, instance),
            ends_at=None if status is AlertStatus.FIRING else now,
            labels={"severity": severity} if severity else {},
            fingerprint=f"{incident} {instance}",
        )

    def _began(self, incident: str, instance: str) -> Any:
        """The start that the source names at the end: that of the newest firing."""
        fired = [
            event.at
            for event in self._script.events
            if event.what == "fires"
            and event.about == incident
            and event.how.startswith(instance)
            and event.at <= self._server.now
        ]
        return EPOCH + timedelta(seconds=fired[-1] if fired else 0)

    def _notify(self, event: Event, alert: Alert) -> None:
        """At least once: in time or late, once or again and again."""
        instance = f"{event.about} {event.how.partition(' ')[0]}"
        if alert.firing:
            self._activities.firing.add(instance)
        else:
            self._activities.firing.discard(instance)
        label = f"{event.at}/{event.what}/{event.about}/{event.how}"
        late = 30.0 if "notifications come late" in self._script.troubles else 1.0
        delays = [0.05 + late * self._script.chance(label) ** 2]
        if "notifications come twice" in self._script.troubles:
            delays += [one for one in REPEATS if self._script.chance(f"{label}/{one}") < 0.4]
        for delay in delays:
            self._server.after(delay, lambda: self._deliver(alert))

    def _deliver(self, alert: Alert) -> None:
        """As the intake does it: the open run is told; only what fires starts one."""
        run = self._server.open_run(alert.incident_id)
        if run:
            self._server.signal(run, "alert_changed", alert)
        elif alert.firing:
            self._server.start(SETTINGS.runbook_for(alert.name), alert.incident_id, alert)

    def _all_is_well(self) -> None:
        """The tail of every episode: the faults are over, and so is every alert."""
        self._activities.switch = ControlRoomState()
        self._outside.channels_down = set()
        self._activities.firing.clear()
        for service in self._outside.places:
            self._outside.recovers(service)
        for run in self._server.open_runs():
            incident = run.info.workflow_id
            if not incident.startswith("steward/"):
                for instance in "ab":
                    over = self._alert(incident, instance, AlertStatus.RESOLVED)
                    self._server.after(1800, lambda over=over: self._deliver(over))  # type: ignore[misc]

    def _nothing_is_left(self) -> None:
        for name, place in self._outside.places.items():
            by = self._rules.degraded_by.get(name, set())
            excused = self._rules.could_not_be_reverted | self._terminated
            if place.degraded and not by & excused:
                self._rules.breaks("not reverted", f"{name} is degraded still, by {sorted(by)}")
