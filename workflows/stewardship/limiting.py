"""What was tried on one service lately, and what its limits refuse because of it.

Plain rules without Temporal in them. A proved recovery forgets the failures, and with them the pauses; the
restarts of the last hour count all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.actions.kinds import Action
    from models.base import in_number, in_words
    from models.incident.refusal import Refusal, RefusalReason
    from models.incident.stewardship import LONGEST_ACTION, Denial, Intent, StewardState
    from models.service.limits import LONGEST_COOLDOWN, WINDOW

MOST_REMEMBERED = 50
NEVER = datetime.max.replace(tzinfo=UTC)


class Tried:
    """The attempts on one service, and when the next one is allowed."""

    def __init__(self, state: StewardState) -> None:
        self.service = state.service
        self.limits = state.limits
        self.failures = list(state.failures)
        self.failed = state.failed
        self.restarts = list(state.restarts)
        self.lately = dict(state.lately)
        self.blocked_until = state.blocked_until
        self.denials = list(state.denials)

    def blocked(self, now: datetime) -> Refusal | None:
        """The block after too many failures."""
        until = self.blocked_until
        if until is None or now >= until:
            return None
        failures = in_number(self.limits.failures, "failure")
        why = f"{self.service} is blocked until {until:%H:%M} UTC after {failures} in an hour"
        return self._refusal(RefusalReason.BLOCKED, why, until)

    def denied(self, intent: Intent, run_id: str, now: datetime) -> Refusal | None:
        """A person denied all of this in another incident, and that stands."""
        standing = [one for one in self._denials(now) if one.run_id != run_id]
        if not set(intent.essences) <= {essence for one in standing for essence in one.essences}:
            return None
        return self._denial(next(one for one in standing[::-1] if set(one.essences) & set(intent.essences)))

    def refusal(self, intent: Intent, now: datetime) -> Refusal | None:
        """Why this may not be done unasked; of several limits the one that time lifts last."""
        refusals = [*self._cooldowns(intent.actions, now), *self._back_off(now), *self._budget(intent, now)]
        return max(refusals, key=lambda one: one.until or NEVER, default=None)

    def bind(self, now: datetime) -> list[Refusal]:
        """Every limit that refuses something now, for people."""
        block = self.blocked(now)
        any_restart = Intent(essences=(), actions=(), restarts=1, limits=self.limits)
        pauses = (*self._cooldowns(list(self.lately), now), *self._back_off(now))
        denials = map(self._denial, self._denials(now))
        return [*([block] if block else []), *denials, *self._budget(any_restart, now), *pauses]

    def did(self, steps: Sequence[Action], at: datetime) -> None:
        """These actions were carried out, whether or not they helped."""
        self.restarts = [one for one in self.restarts if at - one < WINDOW]
        self.restarts = [*self.restarts, *(at for step in steps if step.restarts)][-MOST_REMEMBERED:]
        self.lately = {did: when for did, when in self.lately.items() if at - when < LONGEST_COOLDOWN}
        self.lately.update({step.repeats[:LONGEST_ACTION]: at for step in steps})
        self.lately = dict(list(self.lately.items())[-MOST_REMEMBERED:])

    def judged(self, now: datetime, *, healed: bool) -> None:
        """What was tried helped, as was proved; or it did not, which may block the service."""
        if healed:
            self.failures, self.failed, self.lately, self.denials = [], 0, {}, []
            return
        self.failed += 1
        self.failures = [*[at for at in self.failures if now - at < WINDOW][-MOST_REMEMBERED:], now]
        if len(self.failures) >= self.limits.failures:
            self.blocked_until = now + self.limits.blocked_for

    def lift(self) -> None:
        """A person lifts everything."""
        self.blocked_until = None
        self.failures, self.failed, self.restarts, self.lately, self.denials = [], 0, [], {}, []

    def _denials(self, now: datetime) -> list[Denial]:
        return [one for one in self.denials if now < one.at + self.limits.denied_for]

    def _denial(self, denial: Denial) -> Refusal:
        said = f": {denial.why}" if denial.why else ""
        why = f"{denial.by} denied it at {denial.at:%H:%M} UTC in {denial.incident} ({denial.says}){said}"
        refusal = self._refusal(RefusalReason.DENIED, why, denial.at + self.limits.denied_for)
        return refusal.model_copy(update={"by": denial.by})

    def _cooldowns(self, actions: Sequence[str], now: datetime) -> Iterator[Refusal]:
        pause = self.limits.cooldown
        for action in actions:
            at = self.lately.get(action)
            if at and now < at + pause:
                why = (
                    f"{action} was done at {at:%H:%M:%S} UTC, and {in_words(pause)} must pass before the next"
                )
                yield self._refusal(RefusalReason.COOLDOWN, why, at + pause)

    def _back_off(self, now: datetime) -> Iterator[Refusal]:
        pause = self.limits.back_off_after(self.failed)
        if self.failures and now < self.failures[-1] + pause:
            failed = "the last attempt" if self.failed == 1 else f"{self.failed} attempts in a row"
            why = f"{failed} on {self.service} failed, and {in_words(pause)} must pass before the next"
            yield self._refusal(RefusalReason.BACK_OFF, why, self.failures[-1] + pause)

    def _budget(self, intent: Intent, now: datetime) -> Iterator[Refusal]:
        used = [at for at in self.restarts if now - at < WINDOW]
        over = len(used) + intent.restarts - self.limits.restarts_per_hour
        if not intent.restarts or over <= 0:
            return
        allowed = in_number(self.limits.restarts_per_hour, "restart")
        why = f"{self.service} may have {allowed} an hour unasked, and had {len(used)}"
        yield self._refusal(
            RefusalReason.RESTARTS, why, used[over - 1] + WINDOW if over <= len(used) else None
        )

    def _refusal(self, reason: RefusalReason, why: str, until: datetime | None) -> Refusal:
        by_person = f"by starter.py service unblock {self.service}"
        lifted_by = f"at {until:%H:%M:%S} UTC, or {by_person}" if until else "by a person who approves it"
        return Refusal(reason=reason, why=why, lifted_by=lifted_by, until=until)
