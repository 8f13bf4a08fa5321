"""Where one incident stands on its ladder, by a clock that may stand; a new run is handed all of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.incident.policy import Ladder
    from models.incident.so_far import LadderSoFar


PLANNED = "a planned wait"
"""Lets the clock of the rungs stand, and silences nobody."""


class Position:
    """What is known of the rungs that were climbed, and when the next one is due."""

    def __init__(self, ladder: Ladder, starts_at: datetime) -> None:
        self.acknowledged_by = ""
        self.position = ""
        self.late: list[str] = []
        """A sentence for each rung that was reached late, as after an outage."""
        self._ladder = ladder
        self._starts_at = starts_at
        self._clock = starts_at
        """From where the rungs are counted: later than the start once a rung was late."""
        self._place = 0
        """How many rungs were climbed."""
        self._paged_at: datetime | None = None
        self._pushed = ""
        self._not_before = self._silent_until
        self.last_word_at = starts_at
        self._quiet_until = starts_at
        """A repair puts the first rung off until then, an acknowledgement that went quiet the next one."""
        self._at_top_since: datetime | None = None
        self._stands_for: set[str] = set()
        self._stands_since: datetime | None = None

    @property
    def _silent_until(self) -> datetime:
        """Nobody is paged before, whatever fails."""
        return self._clock + self._ladder.quiet_for

    @property
    def silent(self) -> bool:
        """Whether nobody is paged yet, whatever fails."""
        return workflow.now() < self._silent_until

    def stand_still(self, why: str) -> None:
        """Climb no further, and let the clock of the rungs stand, until `go_on` for the same reason.

        What fails meanwhile is told then. Of several reasons, the last one to end counts.
        """
        self._stands_since = self._stands_since or workflow.now()
        self._stands_for.add(why)

    def go_on(self, why: str) -> None:
        """Climb on where it stood: every rung has as much time left as it had."""
        self._stands_for.discard(why)
        if self._stands_for or self._stands_since is None:
            return
        stood, self._stands_since = workflow.now() - self._stands_since, None
        self._clock += stood
        self._not_before = max(self._not_before, self._silent_until)
        self._quiet_until += stood
        self.last_word_at += stood
        if self._at_top_since:
            self._at_top_since += stood

    @property
    def stands_still(self) -> bool:
        """Whether nobody is told anything."""
        return bool(self._stands_for - {PLANNED})

    @property
    def _clock_stands(self) -> bool:
        return self._stands_since is not None

    @property
    def _time(self) -> datetime:
        """Now, by the clock of the rungs."""
        return self._stands_since or workflow.now()

    def so_far(self, told: Iterable[str], *, climbing: bool, stopped: bool) -> LadderSoFar:
        return LadderSoFar(
            climbing=climbing,
            stopped=stopped,
            told=tuple(sorted(told)),
            starts_at=self._starts_at,
            clock=self._clock,
            place=self._place,
            paged_at=self._paged_at,
            not_before=self._not_before,
            quiet_until=self._quiet_until,
            at_top_since=self._at_top_since,
            position=self.position,
            acknowledged_by=self.acknowledged_by,
            last_word_at=self.last_word_at,
            pushed=self._pushed,
            late=tuple(self.late),
            stands_for=tuple(sorted(self._stands_for)),
            stands_since=self._stands_since,
        )

    def resume(self, so_far: LadderSoFar) -> None:
        """Stand where the run before this one stood."""
        self._starts_at, self._clock, self._place = so_far.starts_at, so_far.clock, so_far.place
        self._paged_at, self._not_before = so_far.paged_at, so_far.not_before
        self._quiet_until, self._at_top_since = so_far.quiet_until, so_far.at_top_since
        self.position, self.acknowledged_by = so_far.position, so_far.acknowledged_by
        self.last_word_at, self._pushed, self.late = so_far.last_word_at, so_far.pushed, list(so_far.late)
        self._stands_for, self._stands_since = set(so_far.stands_for), so_far.stands_since
