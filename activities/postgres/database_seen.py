"""What a connection to PostgreSQL met."""

from __future__ import annotations

from enum import StrEnum

from models.evidence.evidence import Evidence


class DatabaseKind(StrEnum):
    """What a connection attempt met; each has an answer of its own."""

    HEALTHY = "healthy"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    TOO_MANY_CONNECTIONS = "too-many-connections"
    WRONG_CREDENTIALS = "wrong-credentials"
    NOT_ADMITTED = "not-admitted"
    NO_ROUTE = "no-route"
    DISK_FULL = "disk-full"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class DatabaseSeen(Evidence):
    """`SELECT 1` with a time-out, and what PostgreSQL said instead of an answer."""

    kind: DatabaseKind = DatabaseKind.NOT_CHECKED
    latency: float | None = None
