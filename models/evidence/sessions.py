"""The sessions of a database: how many, whose, in which state, and who waits for whom."""

from __future__ import annotations

from datetime import timedelta

from models.actions.database import Session
from models.base import Duration, Model
from models.evidence.evidence import DatabaseKind, Evidence
from models.service.request import ServiceRequest


class LookAtSessions(ServiceRequest):
    """Which sessions count as idle and as long: the limits of the configuration."""

    idle_longer_than: Duration = timedelta(minutes=10)
    runs_longer_than: Duration = timedelta(minutes=1)
    application: str | None = None
    """Only its idle sessions are listed; None lists those of every application."""


class SessionGroup(Model):
    """Sessions of one application in one state, as PostgreSQL names it."""

    application: str
    state: str
    count: int


class SessionSeen(Session):
    """One session. `lasts`: how long it has been in its state; `query` is an excerpt, redacted."""

    state: str
    lasts: timedelta
    query: str = ""
    waits_for: tuple[int, ...] = ()
    """PIDs of the sessions whose locks it waits for."""

    @property
    def exactly(self) -> Session:
        """What names this very session, for an action."""
        return Session(
            pid=self.pid, backend_start=self.backend_start, application=self.application, user=self.user
        )


class SessionsSeen(Evidence):
    """`bad` when connections are running out, or when a session waits too long for a lock."""

    kind: DatabaseKind = DatabaseKind.NOT_CHECKED
    used: int = 0
    max_connections: int = 0
    reserved: int = 0
    """Of them, kept for superusers and monitoring."""
    groups: tuple[SessionGroup, ...] = ()
    """The largest first."""
    blocked: tuple[SessionSeen, ...] = ()
    blockers: tuple[SessionSeen, ...] = ()
    """The heads of the queues: they block others, and wait for nobody."""
    long_running: tuple[SessionSeen, ...] = ()
    idle: tuple[SessionSeen, ...] = ()
    """Idle for longer than the limit, the longest first."""

    @property
    def exhausted(self) -> bool:
        """No application may connect any more."""
        return self.max_connections > 0 and self.free == 0

    @property
    def free(self) -> int:
        """Connections that an application may still open."""
        return max(0, self.max_connections - self.reserved - self.used)
