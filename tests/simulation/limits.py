"""What the limits of a service allow unasked, seen from outside: by effects, and what is let go of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from models.actions.change import Change
from models.incident.stewardship import AllowedBy, Answer, Answered, Ask, Order, Released
from models.service.limits import Limits

HOUR = 3600.0
LIMITS = Limits()


@dataclass
class Seen:
    """One service, since its steward began to remember."""

    order: Order | None = None
    unasked: bool = False
    begun: str = ""
    """The order of which something was begun already."""
    restarts: list[float] = field(default_factory=list)
    lately: dict[str, float] = field(default_factory=dict)
    failures: list[float] = field(default_factory=list)


class LimitsSeen:
    """Watches every service; `breaks` is told what is done unasked and too soon."""

    def __init__(self, now: Callable[[], float], breaks: Callable[[str], None]) -> None:
        self._now = now
        self._breaks = breaks
        self._seen: dict[str, Seen] = {}

    def answered(self, ask: Ask, answered: Answered) -> None:
        if ask.order and answered.answer is Answer.GRANTED:
            seen = self._of(ask.service)
            seen.order, seen.unasked = ask.order, ask.allowed_by is AllowedBy.POLICY

    def begins(self, service: str, action: Change) -> None:
        """An effect begins. The second of a plan, or a second attempt, was allowed with the first."""
        seen, now = self._of(service), self._now()
        first = seen.order is not None and seen.order.key != seen.begun
        if first and seen.unasked:
            lately = [at for at in seen.restarts if now - at < HOUR]
            if action.restarts and len(lately) >= LIMITS.restarts_per_hour:
                self._breaks(f"{len(lately)} restarts within the hour before: {action.says}")
            if now - seen.lately.get(action.repeats, -HOUR) < LIMITS.cooldown.total_seconds():
                self._breaks(f"done at {seen.lately[action.repeats]:.2f} s already: {action.says}")
            pause = LIMITS.back_off_after(len(seen.failures)).total_seconds()
            if seen.failures and now - seen.failures[-1] < pause:
                self._breaks(f"too soon after {len(seen.failures)} failures: {action.says}")
        if first and seen.order and action.restarts:
            seen.restarts.append(now)
        seen.lately[action.repeats] = now
        seen.begun = seen.order.key if seen.order else ""

    def released(self, service: str, released: Released) -> None:
        seen = self._of(service)
        if released.acted and released.healed:
            seen.lately, seen.failures = {}, []
        elif released.acted:
            seen.failures.append(self._now())

    def forget(self, service: str) -> None:
        """Its steward was terminated: the next one remembers nothing."""
        self._seen.pop(service, None)

    def _of(self, service: str) -> Seen:
        return self._seen.setdefault(service, Seen())
