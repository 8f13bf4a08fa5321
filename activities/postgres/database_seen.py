"""What a connection to PostgreSQL met."""

from __future__ import annotations

from enum import StrEnum

from models.evidence.evidence import Evidence, Measured


class DatabaseKind(StrEnum):
    """What a connection attempt met; each has an answer of its own."""

    HEALTHY = "healthy"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    RECOVERING = "recovering"
    """It is starting, replaying its WAL or shutting down, and says so."""
    TOO_MANY_CONNECTIONS = "too-many-connections"
    WRONG_CREDENTIALS = "wrong-credentials"
    NOT_ADMITTED = "not-admitted"
    NO_SUCH_DATABASE = "no-such-database"
    NO_ROUTE = "no-route"
    DISK_FULL = "disk-full"
    OUT_OF_MEMORY = "out-of-memory"
    READ_ONLY = "read-only"
    WRAPAROUND = "wraparound"
    DAMAGED = "damaged"
    POOLER = "pooler"
    """A pooler before the database answered, and not the database."""
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class DatabaseSeen(Evidence):
    """`SELECT 1` with a time-out, and what PostgreSQL said instead of an answer."""

    kind: DatabaseKind = DatabaseKind.NOT_CHECKED
    latency: float | None = None
    port: int | None = None
    """Where the connection string leads to."""

    @property
    def measured(self) -> Measured | None:
        answers = self.latency is not None and self.kind is DatabaseKind.HEALTHY
        return Measured("time to answer", 1000 * (self.latency or 0.0), "ms") if answers else None

    @property
    def recovering(self) -> bool:
        """It comes back by itself, as far as it says."""
        return self.kind is DatabaseKind.RECOVERING
