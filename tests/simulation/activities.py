"""What the activities of an episode do: those of the product that only speak to Temporal, and the outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from activities.incidents.policy import policy_for
from activities.monitoring.alertmanager import AlertSourceSeen, AskSource
from models.actions.change import ActionResult, Change, Perform
from models.actions.plan import LookBack
from models.configuration.configuration import Configuration
from models.evidence.evidence import Finding
from models.incident.alert import Alert
from models.incident.incident import IncidentState, Phase
from models.incident.joining import Ended, EndOf, Join, Joined, Standing
from models.incident.review import Review, StoredReview
from models.incident.stewardship import Answered, Ask, ControlRoomState, Hold, Release, StewardState
from models.messages import RELEASE
from models.names import STEWARD, steward_id
from tests.simulation.outside import Outside
from tests.simulation.rules import Rules
from tests.simulation.server import Call, Reply, Server
from tests.workflows import sights
from tests.workflows.configuration import CONFIGURATION, merged
from tests.workflows.world import LOOKS, WATCHES
from workflows.runbooks.registry import NAMES

BY_LABEL = {name: {"severity": None} for name in CONFIGURATION["alerts"]}
FRONTEND = {
    "manager": {"kind": "docker", "container": "frontend"},
    "health": {"url": "http://localhost:3001/health"},
    "depends_on": ["postgres"],
    "network": "app",
}
SETTINGS = Configuration.of(
    merged(
        CONFIGURATION,
        {
            "alerts": BY_LABEL,
            "services": {"frontend": FRONTEND},
            "systems": {"alertmanager": "http://localhost:9093"},
        },
    ),
    NAMES,
)
"""Three services, two of which need the third. How severe an alert is, it says itself."""

EVERY = 20.0
"""Seconds between the samples of a watch."""
GIVES_UP = 600.0
"""A watch that saw nothing well for so long ends."""
CANCELLED_WITHIN = 10.0
"""An effect whose steward was terminated notices it by its next heartbeat."""


class Performing:
    """Every activity by its name."""

    def __init__(self, server: Server, outside: Outside, rules: Rules) -> None:
        self.server = server
        self.outside = outside
        self.rules = rules
        self.switch = ControlRoomState()
        self.firing: set[str] = set()
        """The instances that fire, as the alerts' source knows."""
        self._policies: dict[str, Any] = {}
        self._done: Counter[str] = Counter()

    def perform(self, call: Call, reply: Reply) -> None:
        """Begin it now; its answer comes when it is done."""
        if call.name in WATCHES:
            self._watch(call, reply, self.server.now, self.server.now)
        elif call.name == "ask_steward":
            self.server.after(self._takes(call, 3), lambda: self._ask(call.arg, reply))
        elif isinstance(call.arg, Perform):
            self._effect(call, call.arg, reply)
        else:
            seconds = 1 if call.options.local else 5
            self.server.after(self._takes(call, seconds), lambda: reply(self._answer(call)))

    def _takes(self, call: Call, most: float) -> float:
        return 0.02 + most * self.server.script.chance(f"{call.label} takes") ** 3

    def _answer(self, call: Call) -> Any:
        if call.name in LOOKS:
            return self.outside.look(call.name, call.arg)
        answers: dict[str, Callable[[Any], Any]] = {
            "take_policy": self._policy,
            "read_control_room": lambda _: self.switch,
            "is_open": self._is_open,
            "release_service": self._release,
            "join_incident": self._join,
            "look_at_incident": self._standing,
            "announce": self.outside.announce,
            "write_review": lambda review: StoredReview(path=f"reviews/{review.incident}.md"),
            "ask_source": self._source,
            "look_back": self._look_back,
        }
        answer = answers[call.name](call.arg)
        if call.name == "announce":
            self.rules.announced(call.run, call.arg, answer.reached)
        return answer

    # What only speaks to Temporal

    def _policy(self, alert: Alert) -> Any:
        key = f"{alert.incident_id} {alert.labels}"
        if key not in self._policies:
            self._policies[key] = policy_for(alert, SETTINGS)
        return self._policies[key]

    def _ask(self, ask: Ask, reply: Reply) -> None:
        """Update-with-start, and the same answer for the same key."""
        name = steward_id(ask.service)
        steward = self.server.open_run(name)
        if steward is None:
            steward = self.server.start(STEWARD, name, StewardState(service=ask.service))
        self.rules.asks(ask)

        def answered(answer: Answered) -> None:
            self.rules.answered(ask, answer)
            self.server.after(0.01, lambda: reply(answer))

        self.server.update(steward, "ask", ask, answered)

    def _is_open(self, hold: Hold) -> bool:
        return self.server.open_incident(hold.incident, hold.run_id) is not None

    def _release(self, release: Release) -> bool:
        steward = self.server.open_run(steward_id(release.service))
        if steward:
            self.server.signal(steward, RELEASE, release.released)
        return steward is not None

    def _join(self, join: Join) -> Joined:
        self.rules.joins(join)
        name = join.alert.incident_id
        run = self.server.open_run(name)
        was_open = run is not None
        run = run or self.server.start(join.runbook, name, join.alert)
        self.server.signal(run, "incident_waits", join.waiting)
        return Joined(incident=name, run_id=run.info.began_in, was_open=was_open, told=True)

    def _standing(self, end: EndOf) -> Standing:
        run = next(one for one in self.server.runs[end.incident][::-1] if one.info.began_in == end.run_id)
        of = {"incident": end.incident, "run_id": end.run_id}
        if not run.closed:
            state: IncidentState = run.asked("state")
            escalated = Ended(**of, outcome=None, summary="escalated", escalated=True)
            return Standing(ended=escalated if state.phase is Phase.ESCALATED else None)
        review = run.result if isinstance(run.result, Review) else None
        outcome = review.outcome if review else None
        return Standing(ended=Ended(**of, outcome=outcome, summary=run.closed))

    # The outside

    def _source(self, asked: AskSource) -> AlertSourceSeen:
        fires = any(one.startswith(f"{asked.alert.incident_id} ") for one in self.firing)
        disagrees = AlertSourceSeen(finding=Finding.BAD, reason="the alert is active")
        return disagrees if fires else sights.SOURCE_AGREES

    def _effect(self, call: Call, asked: Perform[Change], reply: Reply) -> None:
        """It takes a while, and somebody may terminate its steward meanwhile."""
        service = asked.action.service.name
        ends_at = self.server.now + self._takes(call, 40)
        self.rules.effect_begins(service, asked.action)

        def look() -> None:
            left = min(ends_at - self.server.now, CANCELLED_WITHIN)
            if left > 0 and not call.run.closed:
                self.server.after(left, look)
                return
            self.rules.effect_ends(service, call.run)
            helped = self.outside.change(asked.action, asked.asked_at)
            found = "done" if helped else "it did not help"
            reply(ActionResult(done=helped, found=found, at=self.server.datetime()))

        look()

    def _look_back(self, request: LookBack) -> ActionResult:
        place = self.outside.places[request.action.service.name]
        done_at = place.done_at.get(request.action.kind)
        done = done_at is not None and done_at >= request.asked_at
        return ActionResult(done=done, found="looked back", at=self.server.datetime())

    def _watch(self, call: Call, reply: Reply, began_at: float, unwell_at: float) -> None:
        """Samples until it was well for the whole window, or for too long was not."""
        if not call.open:
            return
        place = self.outside.places[call.arg.service.name]
        unwell = self.outside.unwell(call.arg.service)
        if call.name == "watch_providers":
            unwell = place.fault == "provider down"
        now = self.server.now
        if unwell:
            unwell_at = now
        window = call.arg.stable_for.total_seconds()
        if now - unwell_at >= window:
            reply(sights.STABLE.model_copy(update={"first_healthy_at": self.server.datetime()}))
        elif call.name != "watch_providers" and now - began_at > GIVES_UP + window:
            reply(sights.FAILING)
        else:
            self.server.after(EVERY, lambda: self._watch(call, reply, began_at, unwell_at))
