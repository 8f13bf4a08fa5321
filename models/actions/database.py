"""Actions on a database: all of them dangerous, so they need approval."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from models.actions.change import Change, Risk
from models.base import Model, in_words


class RestartDatabase(Change):
    """Force a restart of a database that hangs; everything connected to it is cut off."""

    risk = Risk.DANGEROUS
    kind: Literal["restart-database"] = "restart-database"

    @property
    def says(self) -> str:
        return f"restart the database {self.service.name}"

    @property
    def changes(self) -> str:
        return "every session is cut off, and transactions that were not committed are lost"


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


class RaiseMaxConnections(Change):
    """Set `max_connections` by `ALTER SYSTEM`; it takes effect with the restart that follows."""

    risk = Risk.DANGEROUS
    kind: Literal["raise-max-connections"] = "raise-max-connections"
    from_connections: int
    to_connections: int

    @property
    def says(self) -> str:
        before, after = self.from_connections, self.to_connections
        return f"raise max_connections of {self.service.name} from {before} to {after} and restart it"

    @property
    def changes(self) -> str:
        return "the database restarts, and may use more memory afterwards"

    @property
    def undo(self) -> str:
        return f"ALTER SYSTEM SET max_connections = {self.from_connections}, then restart"
