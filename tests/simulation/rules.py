"""The rules that no episode may break, watched from outside: by messages, effects, pages and ends.

two writers     nothing is done on a service that another incident has, and one thing at a time
circle          an incident has one service at most, and none while it waits for another incident
deaf            the end of the alert, or a person's `done`, ends every incident
lost page       who needs a person, or could not reach one, pages the next, unless somebody is on it, or the
                service was verified well meanwhile; what is only for information waits for its own time
early rung      no rung before its time, and the first one not while something may be repaired by itself
doubled rung    no rung twice, but the top one: at once for news, and then with pauses
late rung       none by the clock once the incident is over
not reverted    every temporary change is reverted, or people are told that it could not be
over limits     nothing is done unasked beyond the restarts of an hour, within a cooldown or a back-off
left behind     no steward keeps a service for an incident that let go of it
defect          no exception in a workflow, and no run that fails
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from models.actions.change import Change
from models.actions.surroundings import Degrade
from models.incident.announcement import Announcement, Occasion
from models.incident.joining import Join
from models.incident.stewardship import Answer, Answered, Ask, Release, Released, StewardSays, Told
from models.messages import RELEASE
from tests.simulation.limits import LimitsSeen
from tests.simulation.run import Run
from tests.simulation.server import Call, Server
from workflows.escalation.ladder import TOP_PAUSE, Climb
from workflows.incident.incident import Incident
from workflows.incident.runbook import Runbook

NEXT_WITHIN = timedelta(minutes=6).total_seconds()
"""The top of a ladder is told again after five minutes; nobody waits longer for the next page."""
BESIDE = ("at once, for", "acknowledged by", "the temporary change", "it needs a decision")
"""How the reasons of pages begin that climb no rung."""
BY_THE_CLOCK = "after the alert began"
WELL = "verification: well"


class Rules:
    """Watches one episode, and notes what is broken."""

    def __init__(self, server: Server) -> None:
        self.broken: list[str] = []
        self.could_not_be_reverted: set[str] = set()
        """The incidents that told people so."""
        self.degraded_by: dict[str, set[str]] = {}
        """The runs that may have degraded a service."""
        self._server = server
        self._limits = LimitsSeen(lambda: server.now, lambda what: self.breaks("over limits", what))
        self._claims: dict[str, set[str]] = {}
        """By run, the services that it asked for and did not let go of."""
        self._ordered: set[str] = set()
        """The runs that have something carried out: a revert keeps its service, and waits for nobody."""
        self._granted: dict[str, set[str]] = {}
        """By service, the runs that have it."""
        self._new: set[tuple[str, str]] = set()
        """Runs and the services that they ask for, and neither had nor waited for before."""
        self._under_way: Counter[str] = Counter()
        self._climbs: dict[Climb, list[tuple[str, float]]] = {}
        self._paged: dict[str, list[tuple[str, float]]] = {}
        """By run, who was paged and when."""
        self._sent: set[tuple[str, str]] = set()
        """By run, the keys of the messages that were sent; what is sent again under one is the same."""
        self._not_reached: dict[tuple[str, str, str], float] = {}
        """By run, role and first line, when it first did not arrive; a new run sends it under a new key."""

    def breaks(self, rule: str, what: str) -> None:
        self.broken.append(f"{rule}: {what} (at {self._server.now:.2f} s)")

    def found_itself_at_fault(self, run: Run) -> None:
        """A workflow caught a mistake of its own code."""
        self.breaks("defect", f"{run.info.run_id}: {incident_of(run).timeline.entries[-1].text}")

    # Services

    def asks(self, ask: Ask) -> None:
        if ask.order:
            self._ordered.add(ask.hold.run_id)
        claims = self._claims.setdefault(ask.hold.run_id, set())
        if ask.service not in claims:
            self._new.add((ask.hold.run_id, ask.service))
        claims.add(ask.service)
        if ask.order and any(isinstance(step, Degrade) for step in ask.order.plan.steps):
            self.degraded_by.setdefault(ask.service, set()).add(ask.hold.run_id)
        if len(claims) > 1:
            self.breaks("circle", f"{ask.hold.run_id} asks for {ask.service} and has {sorted(claims)}")

    def answered(self, ask: Ask, answered: Answered) -> None:
        self._limits.answered(ask, answered)
        asked = (ask.hold.run_id, ask.service)
        if answered.answer is Answer.REFUSED and asked in self._new:
            self._claims[ask.hold.run_id].discard(ask.service)  # it neither has it nor stands in line
        self._new.discard(asked)
        granted = self._granted.setdefault(ask.service, set())
        granted.discard(ask.hold.run_id)
        is_open = self._server.open_incident(ask.hold.incident, ask.hold.run_id)
        if answered.answer is Answer.GRANTED and is_open:
            granted.add(ask.hold.run_id)

    def joins(self, join: Join) -> None:
        has = self._claims.get(join.waiting.run_id)
        if has and join.waiting.run_id not in self._ordered:
            self.breaks(
                "circle", f"{join.waiting.run_id} has {sorted(has)} and waits for {join.alert.incident_id}"
            )

    def effect_begins(self, service: str, action: Change) -> None:
        self._limits.begins(service, action)
        granted = self._granted.get(service, set())
        if len(granted) > 1:
            self.breaks("two writers", f"{sorted(granted)} have {service}: {action.says}")
        self._under_way[service] += 1
        if self._under_way[service] > 1:
            self.breaks("two writers", f"two things at once on {service}: {action.says}")

    def effect_ends(self, service: str, steward: Run) -> None:
        if steward.closed != "terminated":
            self._under_way[service] -= 1

    # What runs hear

    def sent(self, to: str, name: str, arg: Any) -> None:
        """A run that sends its release has let go, though the steward does not know it yet."""
        if name == RELEASE and isinstance(arg, Released):
            self._claims.get(arg.run_id, set()).discard(to.removeprefix("steward/"))

    def signalled(self, target: Run, name: str, arg: Any) -> None:
        if name == RELEASE and isinstance(arg, Released):
            service = target.info.workflow_id.removeprefix("steward/")
            self._granted.get(service, set()).discard(arg.run_id)
            self._limits.released(service, arg)
        if name == "steward_says" and isinstance(arg, StewardSays):
            granted = self._granted.setdefault(arg.service, set())
            if arg.told in (Told.PERFORMED, Told.REFUSED):
                self._ordered.discard(target.info.began_in)
            if arg.told is Told.GRANTED and arg.service in self._claims.get(target.info.began_in, set()):
                granted.add(target.info.began_in)
            elif arg.told is Told.WITHDRAWN:
                granted.discard(target.info.began_in)

    def closed(self, run: Run) -> None:
        if run.closed.startswith("failed"):
            self.breaks("defect", f"{run.info.run_id} {run.closed}")
        began_in = run.info.began_in
        if self._server.open_incident(run.info.workflow_id, began_in):
            return  # it goes on in a new run
        self._claims.pop(began_in, None)
        for service, granted in self._granted.items():
            granted.discard(began_in)
            if run.info.workflow_id == f"steward/{service}" and run.closed == "terminated":
                granted.clear()
                self._limits.forget(service)
                self._under_way[service] = 0  # what it began ends by its next heartbeat
                for claims in self._claims.values():
                    claims.discard(service)

    # Pages

    def scheduled(self, call: Call) -> None:
        """A message is decided on, though not yet sent: to people, or a release to a steward."""
        if isinstance(call.arg, Release):
            self.sent(f"steward/{call.arg.service}", RELEASE, call.arg.released)
        if not isinstance(call.arg, Announcement):
            return
        run, message, why = call.run, call.arg, call.arg.text.partition("\n")[0]
        if "could not be reverted" in message.text:
            self.could_not_be_reverted.add(run.info.began_in)
        key = (run.info.began_in, message.key)
        again = (message.key and key in self._sent) or (
            run.info.began_in,
            message.role,
            why,
        ) in self._not_reached
        self._sent.add(key)
        if message.occasion is Occasion.PAGE:
            self._paged.setdefault(run.info.began_in, []).append((message.role, self._server.now))
            if not again:
                self._climbs_in_order(run, message.role, why)
        elif not again and message.title.endswith("needs a person"):
            self._expect_a_page(run, f"needs a person: {why}")

    def announced(self, run: Run, message: Announcement, reached: bool) -> None:
        first = self._server.now
        if not reached:
            why = message.text.partition("\n")[0]
            first = self._not_reached.setdefault((run.info.began_in, message.role, why), first)
        if message.occasion not in (Occasion.PAGE, Occasion.APPROVAL):
            return
        if reached:  # perhaps at a second attempt, when the answer to the first was lost
            self._paged.setdefault(run.info.began_in, []).append((message.role, self._server.now))
        elif message.role != (roles := self._roles(run))[-1]:  # above the top there is nobody
            if self._server.now - first > 2 * self._reach_within(run):
                return  # tried once more by the way: whoever is next was called long ago
            paged = [role for role, _ in self._paged.get(run.info.began_in, [])]
            higher = roles[roles.index(message.role) + 1 :] if message.role in roles else []
            if not set(higher) & set(paged):
                self._expect_a_page(run, f"{message.role} could not be reached")

    def _reach_within(self, run: Run) -> float:
        return incident_of(run).policy.ladder.reach_within.total_seconds()

    def _climbs_in_order(self, run: Run, role: str, why: str) -> None:
        if why.lower().startswith(BESIDE):
            return
        incident = incident_of(run)
        climb = incident.escalation._climb
        earlier = self._climbs.setdefault(climb, [])
        roles, now = self._roles(run), self._server.now
        if BY_THE_CLOCK in why:
            rung = incident.policy.ladder.rungs[roles.index(role)]
            due = climb._starts_at + rung.after
            if role == roles[0]:
                due = max(due, _held_back_until(incident))
            if self._server.datetime() < due:
                self.breaks("early rung", f"{run.info.run_id} pages {role}: {why}")
            if incident.alert_state.closing:
                self.breaks("late rung", f"{run.info.run_id} is over, and pages {role}: {why}")
        if earlier and roles.index(role) <= roles.index(earlier[-1][0]):
            told = [at for one, at in earlier if one == roles[-1]]
            paused = len(told) == 1 or (told and now - told[-2] > TOP_PAUSE.total_seconds() - 1)
            if not (role == roles[-1] and paused):
                self.breaks("doubled rung", f"{run.info.run_id} pages {role} after {earlier[-1][0]}: {why}")
        earlier.append((role, now))

    def escalated(self, run: Run) -> None:
        """A workflow shows that it needs a person."""
        self._expect_a_page(run, "it escalated")

    def _expect_a_page(self, run: Run, why: str) -> None:
        since, said_at = self._server.now, self._server.datetime()

        def look() -> None:
            now = self._server.open_incident(run.info.workflow_id, run.info.began_in)
            if now is None or self._is_over(now) or self._server.now < self._server.away_until + NEXT_WITHIN:
                return
            incident = incident_of(now)
            if incident.escalation._climb.stands_still:
                self._server.after(NEXT_WITHIN, look)  # nobody is told anything; afterwards this is
                return
            if incident.escalation._climb.acknowledged_by:
                return
            if any(one.at >= said_at and WELL in one.text for one in incident.timeline.entries):
                return
            if not any(at >= since for _, at in self._paged.get(run.info.began_in, [])):
                self.breaks("lost page", f"{run.info.run_id} pages nobody after {since:.2f} s: {why}")

        climb = incident_of(run).escalation._climb
        if not climb.acknowledged_by:
            silent_for = (climb._silent_until - self._server.datetime()).total_seconds()
            self._server.after(max(silent_for, 0) + NEXT_WITHIN, look)

    # At the end

    def look_at_stewards(self) -> None:
        """In a quiet moment: whoever has a service, knows of it."""
        for steward, run in self._open("steward/"):
            holder = run.asked("state").holder
            if holder is None or self._server.open_incident(holder.incident, holder.run_id) is None:
                continue
            if steward.removeprefix("steward/") not in self._claims.get(holder.run_id, set()):
                self.breaks("left behind", f"{steward} keeps the service for {holder.run_id}")

    def look_at_ends(self, because: str, *, by_design: bool) -> None:
        """Nobody is open any more, but who saw after the end of its alert that its service is not well."""
        for _, run in self._open(""):
            if not isinstance(run.object, Runbook):
                continue
            state, record = incident_of(run).alert_state, incident_of(run).record
            unwell_later = record.unwell_at and state.resolved_at and record.unwell_at >= state.resolved_at
            if not (by_design and unwell_later):
                self.breaks("deaf", f"{run.info.run_id} is {record.phase} though {because}")

    def _open(self, prefix: str) -> Iterator[tuple[str, Run]]:
        for run in self._server.open_runs():
            if run.object is not None and run.info.workflow_id.startswith(prefix):
                yield run.info.workflow_id, run

    def _is_over(self, run: Run) -> bool:
        return incident_of(run).record.outcome is not None

    def _roles(self, run: Run) -> list[str]:
        return [rung.role for rung in incident_of(run).policy.ladder.rungs]


def _held_back_until(incident: Incident) -> datetime:
    """A confirmed alert has a moment to be repaired before the first rung hears of it by the clock."""
    policy, entries = incident.policy, incident.timeline.entries
    confirmed = next((one.at for one in entries if one.text.startswith("confirmed: ")), None)
    if confirmed is None or policy.dry_run:
        return incident.record.fires_since
    deadline = incident.record.fires_since + policy.respond_within
    return min(confirmed + policy.ladder.page_after, deadline)


def incident_of(run: Run) -> Incident:
    incident: Incident = run.object.incident
    return incident
