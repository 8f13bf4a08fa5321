"""The steward's ledger: who holds the service, who waits, what was done and how it went.

Plain rules without Temporal in them; the steward brings the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.kinds import Action
    from models.actions.service import RollBack
    from models.evidence.deployment import Deployment
    from models.incident.incident import Performed
    from models.incident.policy import LONGEST_CRASH_WINDOW
    from models.incident.refusal import Refusal, RefusalReason
    from models.incident.stewardship import (
        AllowedBy,
        Answer,
        Answered,
        Ask,
        Denial,
        Hold,
        Intent,
        Released,
        Remembered,
        StewardState,
    )
    from models.version import Version
    from workflows.stewardship.limiting import Tried

REMEMBERED = 50
LONGEST = 300
"""Characters of one sentence that is remembered. What a steward keeps stays far under what one payload
may have: fifty plans of any size are less than 64 KiB."""
MOST_DENIED = 20
"""Plans that one no is of; no question offers so many."""
MOST_WAITING = 200
"""Incidents in line. Who is told that there are more needs a person anyway."""


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
        self.released_keys = list(state.released_keys)
        self.tried = Tried(state)
        self.crashes = list(state.crashes)
        self.deployments = list(state.deployments)
        self.not_taken = state.not_taken

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
            released_keys=tuple(self.released_keys),
            failures=tuple(self.tried.failures),
            failed=self.tried.failed,
            restarts=tuple(self.tried.restarts),
            lately=self.tried.lately,
            limits=self.tried.limits,
            denials=tuple(self.tried.denials),
            crashes=tuple(self.crashes[-REMEMBERED:]),
            deployments=tuple(self.deployments),
            not_taken=self.not_taken,
            blocked_until=self.tried.blocked_until,
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
        block, limit = self._limits(ask, now)
        if block and not (own and self.acting):
            answered = Answered(answer=Answer.REFUSED, why=block.says, refusal=block)
        elif len(self.waiting) >= MOST_WAITING and not own:
            answered = Answered(answer=Answer.REFUSED, why=f"{MOST_WAITING} incidents wait for it already")
        elif self.holder and not (own or self._gives_way_to(hold)):
            self.waiting.append(hold)
            answered = Answered(answer=Answer.QUEUED, why=f"{self.holder.incident} holds it")
        elif limit and (ask.order or limit.reason is RefusalReason.DENIED):
            answered = Answered(answer=Answer.REFUSED, why=limit.says, refusal=limit)
        else:
            withdrawn, self.holder = None if own else self.holder, hold
            why = ""
            if withdrawn:
                self.waiting.appendleft(withdrawn)
                why = f"taken over from {withdrawn.incident}"
            answered = Answered(answer=Answer.GRANTED, why=why, refusal=limit)
        self.answered = dict([*self.answered.items(), (ask.key, answered)][-REMEMBERED:])
        return answered, withdrawn

    def _gives_way_to(self, hold: Hold) -> bool:
        assert self.holder is not None, "somebody holds it"  # noqa: S101
        return not self.acting and hold.severity.rank < self.holder.severity.rank

    def _limits(self, ask: Ask, now: datetime) -> tuple[Refusal | None, Refusal | None]:
        """What refuses everybody, and what refuses whom no person allowed it."""
        intent = Intent.of(ask.order.plan) if ask.order else ask.intent
        if intent:
            self.tried.limits = intent.limits
        if ask.allowed_by is AllowedBy.REVERT:
            return None, None
        block = self.tried.blocked(now)
        if intent is None or ask.allowed_by is AllowedBy.PERSON:
            return block, None
        return block, self.tried.denied(intent, ask.hold.run_id, now) or self.tried.refusal(intent, now)

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

    def record(self, key: str, performed: Performed, did: Sequence[Action]) -> None:
        """Keep what was done, by these steps, and that this order is never done again."""
        self.tried.did(did, performed.finished_at)
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
        """End a hold; the next in line, if there is one, holds the service now. Once a key."""
        if released.key in self.released_keys:
            return None
        self.released_keys = [*self.released_keys, *filter(None, [released.key])][-REMEMBERED:]
        if released.acted:
            self.tried.judged(now, healed=released.healed)
        if released.denied:
            self.tried.denials = [*self.tried.denials, _short(released.denied)][-REMEMBERED:]
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
        """A person unblocks the service: nothing that was tried counts any more."""
        self.tried.lift()

    def _note_crash(self, ask: Ask, now: datetime) -> None:
        self.crashes = [at for at in self.crashes if now - at < LONGEST_CRASH_WINDOW]
        if ask.crashed_at and ask.crashed_at not in self.crashes:
            self.crashes.append(ask.crashed_at)


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


def _short(denial: Denial) -> Denial:
    """Cut, not refused: the hold must end all the same."""
    return Denial(
        incident=denial.incident[:LONGEST],
        run_id=denial.run_id[:LONGEST],
        essences=tuple(one[:LONGEST] for one in denial.essences[:MOST_DENIED]),
        says=denial.says[:LONGEST],
        by=denial.by[:LONGEST],
        why=denial.why[:LONGEST],
        at=denial.at,
    )


def _same(one: Hold, other: Hold) -> bool:
    return (one.incident, one.run_id) == (other.incident, other.run_id)


def _run(released: Released) -> tuple[str, str]:
    return (released.incident, released.run_id)
