"""The steward's ledger: who holds the service, who waits, what was done and how it went.

Plain rules without Temporal in them; the steward brings the clock.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.service import RollBack
    from models.evidence.deployment import Deployment
    from models.incident.incident import Performed
    from models.incident.policy import LONGEST_CRASH_WINDOW
    from models.incident.stewardship import Answer, Answered, Ask, Hold, Released, Remembered, StewardState
    from models.version import Version

REMEMBERED = 50
LONGEST = 300
"""Characters of one sentence that is remembered. What a steward keeps stays far under what one payload
may have: fifty plans of any size are less than 64 KiB."""
FAILURES_THAT_BLOCK = 3
WINDOW = timedelta(hours=1)
"""Failures within this time count together."""
BLOCKED_FOR = timedelta(hours=1)


class Ledger:
    """The state of one service's stewardship, and the rules that move it."""

    def __init__(self, state: StewardState) -> None:
        self.service = state.service
        self.holder = state.holder
        self.acting = state.acting
        self.waiting = deque(state.waiting)
        self.answered = dict(state.answered)
        self.performed = list(state.performed)
        self.done_keys = list(state.done_keys)
        self.failures = list(state.failures)
        self.crashes = list(state.crashes)
        self.deployments = list(state.deployments)
        self.blocked_until = state.blocked_until

    def state(self) -> StewardState:
        """Everything that must survive a continue-as-new."""
        return StewardState(
            service=self.service,
            holder=self.holder,
            acting=self.acting,
            waiting=tuple(self.waiting),
            answered=self.answered,
            performed=tuple(self.performed),
            done_keys=tuple(self.done_keys),
            failures=tuple(self.failures),
            crashes=tuple(self.crashes[-REMEMBERED:]),
            deployments=tuple(self.deployments),
            blocked_until=self.blocked_until,
        )

    def ask(self, ask: Ask, now: datetime) -> tuple[Answered, Hold | None]:
        """Answer who asks for the service, and name the holder whose plan is withdrawn by it, if any.

        The more severe incident takes the service over from one that has not begun to act. Who asks
        again keeps the place in line.
        """
        if ask.key in self.answered:
            return self.answered[ask.key], None
        self._note_crash(ask, now)
        hold = self._in_line(ask.hold)
        own = self.holder is not None and _same(self.holder, hold)
        withdrawn: Hold | None = None
        if self.blocked_until and now < self.blocked_until and not (own and self.acting):
            until = f"{self.blocked_until:%H:%M} UTC"
            why = f"{self.service} is blocked until {until} after {FAILURES_THAT_BLOCK} failures in an hour"
            answered = Answered(answer=Answer.REFUSED, why=why)
        elif self.holder is None or own:
            self.holder = hold
            answered = Answered(answer=Answer.GRANTED)
        elif not self.acting and hold.severity.rank < self.holder.severity.rank:
            withdrawn, self.holder = self.holder, hold
            self.waiting.appendleft(withdrawn)
            answered = Answered(answer=Answer.GRANTED, why=f"taken over from {withdrawn.incident}")
        else:
            self.waiting.append(hold)
            answered = Answered(answer=Answer.QUEUED, why=f"{self.holder.incident} holds it")
        self.answered = dict([*self.answered.items(), (ask.key, answered)][-REMEMBERED:])
        return answered, withdrawn

    def _in_line(self, hold: Hold) -> Hold:
        """Take who asks out of the line, with the time since when they have waited."""
        earlier = next((one for one in self.waiting if _same(one, hold)), None)
        if earlier is None:
            return hold
        self.waiting.remove(earlier)
        return hold.model_copy(update={"asked_at": earlier.asked_at})

    def holds(self, incident: str, run_id: str) -> bool:
        """Whether this run is the holder."""
        return self.holder is not None and (self.holder.incident, self.holder.run_id) == (incident, run_id)

    def record(self, key: str, performed: Performed) -> None:
        """Keep what was done, and that this order is never done again."""
        self.done_keys = [*self.done_keys, key][-REMEMBERED:]
        self.performed = [*self.performed, _remembered(performed)][-REMEMBERED:]
        left = [step.leaves for step in performed.plan.steps if isinstance(step, RollBack)]
        if performed.done and left:
            self.deployments = [
                one.model_copy(update={"left_at": performed.finished_at})
                if any(one.is_version(version) for version in left)
                else one
                for one in self.deployments
            ]

    def release(self, released: Released, now: datetime) -> Hold | None:
        """End a hold; the next in line, if there is one, holds the service now."""
        if released.acted:
            self._count(released.healed, now)
        self.waiting = deque(h for h in self.waiting if (h.incident, h.run_id) != _run(released))
        return self.free() if self.holds(released.incident, released.run_id) else None

    def free(self) -> Hold | None:
        """Take the service from its holder, and give it to the most severe who waits."""
        self.holder, self.acting = None, False
        if not self.waiting:
            return None
        self.holder = min(self.waiting, key=lambda hold: (hold.severity.rank, hold.asked_at))
        self.waiting.remove(self.holder)
        return self.holder

    def deployed(self, seen: Deployment) -> None:
        """Remember a version, or that it was seen healthy."""
        version = Version(name=seen.version, image_id=seen.image_id)
        known = next((d for d in reversed(self.deployments) if d.is_version(version)), None)
        if known is None:
            self.deployments = [d.model_copy(update={"current": False}) for d in self.deployments]
            self.deployments.append(seen)
        else:
            at = self.deployments.index(known)
            self.deployments = [
                *(d.model_copy(update={"current": False}) for d in self.deployments[:at]),
                _seen_again(known, seen),
                *(_not_current(d, seen) for d in self.deployments[at + 1 :]),
            ]
        self.deployments = self.deployments[-REMEMBERED:]

    def unblock(self) -> None:
        """A person unblocks the service and clears its failures."""
        self.blocked_until = None
        self.failures = []

    def _note_crash(self, ask: Ask, now: datetime) -> None:
        self.crashes = [at for at in self.crashes if now - at < LONGEST_CRASH_WINDOW]
        if ask.crashed_at and ask.crashed_at not in self.crashes:
            self.crashes.append(ask.crashed_at)

    def _count(self, healed: bool, now: datetime) -> None:
        self.failures = [] if healed else [at for at in self.failures if now - at < WINDOW] + [now]
        if len(self.failures) >= FAILURES_THAT_BLOCK:
            self.blocked_until = now + BLOCKED_FOR


def _not_current(newer: Deployment, seen: Deployment) -> Deployment:
    """Whoever deployed an earlier version anew went back, and left the one that ran."""
    left = newer.current and seen.deployed_at > newer.deployed_at
    return newer.model_copy(update={"current": False, "left_at": seen.deployed_at if left else newer.left_at})


def _seen_again(known: Deployment, seen: Deployment) -> Deployment:
    """A version that runs again was deployed anew; one that still runs keeps its date."""
    deployed_at = known.deployed_at if known.current else seen.deployed_at
    healthy_at = seen.healthy_at or known.healthy_at
    again = known.left_at is not None and seen.deployed_at > known.left_at
    left_at = None if again else known.left_at
    return known.model_copy(
        update={
            "image_id": seen.image_id or known.image_id,
            "current": True,
            "deployed_at": deployed_at,
            "healthy_at": healthy_at,
            "left_at": left_at,
        }
    )


def _remembered(performed: Performed) -> Remembered:
    return Remembered(
        says=performed.plan.says[:LONGEST],
        approved_by=performed.approved_by[:LONGEST],
        done=performed.done,
        found=performed.found[:LONGEST],
        started_at=performed.started_at,
        finished_at=performed.finished_at,
        essence=performed.plan.essence,
    )


def _same(one: Hold, other: Hold) -> bool:
    return (one.incident, one.run_id) == (other.incident, other.run_id)


def _run(released: Released) -> tuple[str, str]:
    return (released.incident, released.run_id)
