"""Actions on a database. All are dangerous, so they need approval, but for renewing its statistics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from models.actions.allowed import Allowed
from models.actions.change import Change, Risk, Setting
from models.base import Model, in_bytes, in_words


class RestartDatabase(Change):
    """Force a restart of a database that hangs; everything connected to it is cut off."""

    risk = Risk.DANGEROUS
    restarts = True
    uses = ("database",)
    kind: Literal["restart-database"] = "restart-database"

    @property
    def says(self) -> str:
        return f"restart the database {self.service.name}"

    @property
    def changes(self) -> str:
        return "every session is cut off, and transactions that were not committed are lost"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        if not allowed.service.is_database:
            yield "no `database` is configured for this service"


class Session(Model):
    """One exact session; its start tells it from a later one with the same PID."""

    pid: int
    backend_start: datetime
    application: str = ""
    user: str = ""
    database: str = ""
    in_transaction: bool = False
    """Whether ending it rolls a transaction back."""

    @property
    def whose(self) -> str:
        """Its application, or else its role, and the database that it uses."""
        name = self.application or self.user
        return f"{name} (database {self.database})" if self.database else name


class TerminateSessions(Change):
    """End sessions that have been idle for longer than the limit, each by PID and start."""

    risk = Risk.DANGEROUS
    uses = ("database",)
    kind: Literal["terminate-sessions"] = "terminate-sessions"
    sessions: tuple[Session, ...]
    idle_longer_than: timedelta

    @property
    def says(self) -> str:
        idle = in_words(self.idle_longer_than)
        return f"terminate {len(self.sessions)} sessions of {self.service.name} that are idle for over {idle}"

    @property
    def changes(self) -> str:
        who = ", ".join(sorted({session.whose for session in self.sessions}))
        lost = f"these applications lose idle connections and open new ones: {who}"
        open_ones = sum(session.in_transaction for session in self.sessions)
        return f"open transactions that are rolled back: {open_ones}; {lost}" if open_ones else lost

    def strays(self, allowed: Allowed) -> Iterator[str]:
        limits = allowed.service.database
        if limits is None or self.idle_longer_than != limits.idle_limit:
            idle = in_words(self.idle_longer_than)
            yield f"sessions idle for {idle} are not those that `database.idle_limit` names"


class RaiseMaxConnections(Change):
    """Set `max_connections` by `ALTER SYSTEM`; it takes effect with the restart that follows."""

    risk = Risk.DANGEROUS
    restarts = True
    uses = ("database",)
    kind: Literal["raise-max-connections"] = "raise-max-connections"
    from_connections: int
    to_connections: int

    @property
    def says(self) -> str:
        before, after = self.from_connections, self.to_connections
        return f"raise max_connections of {self.service.name} from {before} to {after} and restart it"

    @property
    def sets(self) -> tuple[Setting, ...]:
        before, after = str(self.from_connections), str(self.to_connections)
        return (Setting(name="max_connections", now=before, then=after),)

    @property
    def changes(self) -> str:
        return "the database restarts, and may use more memory afterwards"

    @property
    def undo(self) -> str:
        return f"ALTER SYSTEM SET max_connections = {self.from_connections}, then restart"

    def strays(self, allowed: Allowed) -> Iterator[str]:
        before, after = self.from_connections, self.to_connections
        if not before < after <= before + before // 2:
            yield f"max_connections is raised by half at most, and not from {before} to {after}"


class TableStatistics(Model):
    """One table, and how old the statistics are by which PostgreSQL plans its queries."""

    table_schema: str
    name: str
    rows: int = 0
    size: int = 0
    """Bytes, about."""
    changed: int = 0
    """Rows that changed since it was analyzed."""
    analyzed_at: datetime | None = None
    """By the clock of the database; None means never."""
    age: timedelta | None = None
    """How long ago that was, when it was seen."""

    @property
    def full(self) -> str:
        return f"{self.table_schema}.{self.name}"

    @property
    def says(self) -> str:
        if self.analyzed_at is None:
            return f"{self.full} was never analyzed ({self.rows} rows)"
        return f"{self.changed} of {self.rows} rows of {self.full} changed since it was analyzed"


class AnalyzeTables(Change):
    """Renew the planner's statistics of exactly these tables, one after the other."""

    risk = Risk.SAFE
    uses = ("database",)
    kind: Literal["analyze-tables"] = "analyze-tables"
    tables: tuple[TableStatistics, ...]

    @property
    def says(self) -> str:
        return f"ANALYZE {', '.join(one.full for one in self.tables)} of {self.service.name}"

    @property
    def changes(self) -> str:
        size = in_bytes(sum(one.size for one in self.tables))
        return f"new statistics for tables of about {size}; queries and writes go on, and may be planned anew"
