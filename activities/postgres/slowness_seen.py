"""What makes a PostgreSQL slow, as it was sampled for a few seconds."""

from __future__ import annotations

from datetime import timedelta

from models.actions.database import TableStatistics
from models.base import Duration, Model
from models.evidence.evidence import Evidence
from models.service.request import ServiceRequest


class LookAtSlowness(ServiceRequest):
    """Sample for `sample_for`; a statement that runs for longer than `slower_than` is slow."""

    slower_than: Duration = timedelta(seconds=1)
    sample_for: Duration = timedelta(seconds=3)


class SlowStatement(Model):
    """One statement without its values, and how it was seen to run."""

    text: str
    application: str = ""
    user: str = ""
    sessions: int = 0
    """How many sessions ran it."""
    executions: int = 0
    """How often it was seen to begin."""
    longest: timedelta = timedelta()
    waits_for: tuple[int, ...] = ()
    """PIDs of the sessions whose locks it waits for."""
    mean: float | None = None
    """Seconds, by `pg_stat_statements`, for what ended while it was sampled."""
    tables: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        how = f"{self.mean:.2g} s on average" if self.mean is not None else f"{_seconds(self.longest)} so far"
        who = f" by {self.application or self.user}" if self.application or self.user else ""
        return f"{self.text} ({how}{who})"


class TableScan(Model):
    """A large table that was read whole while it was sampled."""

    table: str
    rows: int
    scans: int
    rows_read: int


class MissingIndex(Model):
    """The statement that would make an index, which is never created unasked; and what it is for."""

    create: str
    table: str
    because: str


class SlownessSeen(Evidence):
    """`bad` when statements of the application are slow, or large tables are read whole."""

    statements: tuple[SlowStatement, ...] = ()
    """The slowest first."""
    scans: tuple[TableScan, ...] = ()
    missing: tuple[MissingIndex, ...] = ()
    stale: tuple[TableStatistics, ...] = ()
    """Tables that slow statements use, and whose statistics are out of date."""
    too_large: tuple[str, ...] = ()
    """Of these, those that are larger than `analyze_up_to`."""
    analyzing: tuple[str, ...] = ()
    """Tables that are being analyzed or vacuumed now."""
    jobs: tuple[str, ...] = ()
    """Maintenance that runs: dumps, index builds, VACUUM."""
    standby: bool = False

    @property
    def repeated(self) -> tuple[SlowStatement, ...]:
        """Those that are slow again and again: one long report alone makes no service slow."""
        return tuple(one for one in self.statements if one.executions > 1 or one.mean is not None)

    @property
    def blocked(self) -> tuple[SlowStatement, ...]:
        return tuple(one for one in self.statements if one.waits_for)


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.2g} s"
