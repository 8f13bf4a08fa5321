"""What was seen of the application's schedules."""

from __future__ import annotations

from datetime import datetime

from models.base import Model
from models.evidence.evidence import Evidence


class ScheduledRun(Model):
    """One workflow that a schedule started."""

    workflow_id: str
    run_id: str
    started_at: datetime
    status: str
    """`running`, `completed`, `failed`, `timed out`, `terminated`, `canceled`; empty when it is not known."""
    closed_at: datetime | None = None
    error: str = ""
    """What ended it, and who terminated it; of one that runs, why its activity is tried again."""
    attempts: int = 0
    """Of one that runs: how often its activity was tried."""
    link: str = ""

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def failed(self) -> bool:
        return self.status in ("failed", "timed out")

    @property
    def says(self) -> str:
        tried = f" (attempt {self.attempts})" if self.attempts > 1 else ""
        why = f": {self.error}" if self.error else ""
        return f"{self.workflow_id} {self.status or 'is not known'}{tried}{why}"


class ScheduleSeen(Model):
    """One schedule, its newest runs first."""

    name: str
    exists: bool = True
    paused: bool = False
    note: str = ""
    paused_by: str = ""
    """The identity of the client that paused it; empty when it is not known."""
    paused_at: datetime | None = None
    on_purpose: str = ""
    """Why the pause is taken for somebody's intention; empty when nothing speaks for it."""
    created_at: datetime | None = None
    last_at: datetime | None = None
    next_at: datetime | None = None
    started: int = 0
    """How many workflows it has started so far."""
    stuck: bool = False
    """Its newest run is older than `run_takes`, and goes on."""
    ended: bool = False
    """Not paused, and yet there is no next run: its time or its number of runs is over."""
    runs: tuple[ScheduledRun, ...] = ()

    @property
    def newest(self) -> ScheduledRun | None:
        return self.runs[0] if self.runs else None

    @property
    def says(self) -> str:
        if not self.exists:
            return f"there is no schedule {self.name}"
        if self.paused:
            by = f" by {self.paused_by}" if self.paused_by else ""
            at = f" at {self.paused_at:%Y-%m-%d %H:%M:%S} UTC" if self.paused_at else ""
            noted = f", with the note: {self.note}" if self.note else ""
            return f"{self.name} is paused{by}{at}{noted}{self._failed_before}"
        if self.ended:
            return f"{self.name} has no further run: its time or its number of runs is over"
        stuck = ", and is stuck" if self.stuck else ""
        newest = f"; {self.newest.says}{stuck}" if self.newest else "; it has not run yet"
        return f"{self.name} runs next at {self.next_at:%Y-%m-%d %H:%M} UTC{newest}"

    @property
    def _failed_before(self) -> str:
        """A schedule that is paused may have failed as well, before or after that."""
        if not (self.newest and self.newest.error):
            return ""
        at = f" at {self.newest.closed_at:%Y-%m-%d %H:%M:%S} UTC" if self.newest.closed_at else ""
        return f"; its newest run{f' ended{at}' if at else ''}: {self.newest.says}"


class SchedulesSeen(Evidence):
    """`bad` when one is paused, has no further run, or the newest run of one failed or is stuck."""

    schedules: tuple[ScheduleSeen, ...] = ()

    @property
    def paused(self) -> tuple[ScheduleSeen, ...]:
        return tuple(one for one in self.schedules if one.paused)

    @property
    def first(self) -> ScheduleSeen | None:
        """The one that syncs the products."""
        return self.schedules[0] if self.schedules else None
