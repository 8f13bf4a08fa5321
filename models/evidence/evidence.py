"""What read-only activities saw.

Evidence is `ok`, `bad` or `unknown`, always with a reason. `unknown` is neither healthy nor
broken: it is announced, and nothing is ever done because of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from models.base import Model
from models.service.request import ServiceRequest
from models.service.service import Service
from models.version import Version


class Finding(StrEnum):
    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"


class Evidence(Model):
    """What one look at one place found. Not looked at is `unknown`."""

    finding: Finding = Finding.UNKNOWN
    reason: str = "not looked at"
    observed_at: datetime | None = None

    @property
    def ok(self) -> bool:
        return self.finding is Finding.OK

    @property
    def bad(self) -> bool:
        return self.finding is Finding.BAD

    @property
    def unknown(self) -> bool:
        return self.finding is Finding.UNKNOWN


class HealthKind(StrEnum):
    """The ways in which a health check answers; each is a finding of its own."""

    HEALTHY = "healthy"
    REFUSED = "refused"
    TIMED_OUT = "timed-out"
    WRONG_STATUS = "wrong-status"
    UNHEALTHY_BODY = "unhealthy-body"
    UNREACHABLE = "unreachable"
    NOT_CHECKED = "not-checked"


class HealthSeen(Evidence):
    """One probe of the health check. `latency` in seconds; `body` is an excerpt, redacted."""

    kind: HealthKind = HealthKind.NOT_CHECKED
    status: int | None = None
    body: str = ""
    latency: float | None = None


class Watched(Evidence):
    """A watch over a stability window: `ok` only after `held` reached the window."""

    samples: int = 0
    healthy: int = 0
    held: timedelta = timedelta()
    first_healthy_at: datetime | None = None
    last: Evidence = Evidence()
    resumed: int = 0
    """How many times another worker took the watch over with its samples."""


class WatchHealth(ServiceRequest):
    """Watch `service` until it was healthy without a break for `stable_for`."""

    stable_for: timedelta


class ProcessState(StrEnum):
    RUNNING = "running"
    EXITED = "exited"
    RESTARTING = "restarting"
    PAUSED = "paused"
    MISSING = "missing"
    UNKNOWN = "unknown"


class ProcessSeen(Evidence):
    """The state of a service's container or process. Memory in bytes, CPU as a share of its limit."""

    state: ProcessState = ProcessState.UNKNOWN
    exit_code: int | None = None
    oom_killed: bool = False
    restarts: int = 0
    pid: int | None = None
    image: str = ""
    image_id: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    memory_limit: int | None = None
    memory_used: int | None = None
    cpu_share: float | None = None
    replicas: int = 1
    """How many run, where more than one may."""

    @property
    def version(self) -> Version:
        """What it runs; without a name where its manager knows no versions."""
        return Version(name=self.image, image_id=self.image_id)

    @property
    def running(self) -> bool:
        return self.state is ProcessState.RUNNING

    @property
    def exited(self) -> bool:
        return self.state is ProcessState.EXITED

    @property
    def restarting(self) -> bool:
        """Its manager starts it again and again."""
        return self.state is ProcessState.RESTARTING

    def ran_shorter_than(self, window: timedelta) -> bool:
        """Whether its last run was short, as in a loop; its manager's count of restarts knows no time."""
        if self.started_at is None or self.finished_at is None or self.finished_at < self.started_at:
            return True
        return self.finished_at - self.started_at < window

    @property
    def at_its_limit(self) -> bool:
        """It uses all the memory or CPU that it may."""
        full = bool(self.memory_limit and self.memory_used and self.memory_used >= 0.97 * self.memory_limit)
        return full or (self.cpu_share is not None and self.cpu_share >= 0.95)

    @property
    def out_of_memory(self) -> bool:
        """The kernel ended it for memory: said outright, or exit 137 under a limit."""
        return self.oom_killed or (self.exit_code == 137 and self.memory_limit is not None)


class LogMatch(Model):
    """How often a named pattern stands in the scanned lines, and the newest of them, redacted."""

    count: int
    sample: str
    line: int = 0
    """Where the newest stands among the scanned lines, counted from the oldest."""


class LogsSeen(Evidence):
    """The last lines of a log, cleaned and redacted before they left the activity."""

    tail: tuple[str, ...] = ()
    matches: dict[str, LogMatch] = {}

    def has(self, pattern: str) -> bool:
        return pattern in self.matches

    def newest(self, *patterns: str) -> tuple[str, ...]:
        """Which of these patterns the newest line matches that any of them does."""
        found = {name: self.matches[name].line for name in patterns if name in self.matches}
        return tuple(name for name, line in found.items() if line == max(found.values()))


class PortOwner(Model):
    """Who listens on a port. `ours` when it is the service itself."""

    pid: int
    name: str
    started_at: datetime
    ours: bool


class PortSeen(Evidence):
    port: int | None = None
    owner: PortOwner | None = None

    @property
    def taken(self) -> bool:
        """Somebody who is not the service listens on its port."""
        return self.owner is not None and not self.owner.ours


class DiskSeen(Model):
    """One mounted file system; bytes."""

    path: str
    total: int
    free: int
    full: bool


class HostSeen(Evidence):
    """Disk and memory of the service's host; bytes. `bad` when under the configured floor."""

    disks: tuple[DiskSeen, ...] = ()
    memory_total: int | None = None
    memory_available: int | None = None
    short_of_memory: bool = False

    @property
    def full_disk(self) -> DiskSeen | None:
        return next((disk for disk in self.disks if disk.full), None)


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


class DependencySeen(Model):
    service: str
    finding: Finding
    reason: str
    is_database: bool = False


class DependenciesSeen(Evidence):
    """Each service that this one depends on, by its own check."""

    services: tuple[DependencySeen, ...] = ()

    @property
    def broken(self) -> tuple[DependencySeen, ...]:
        return tuple(seen for seen in self.services if seen.finding is Finding.BAD)

    @property
    def lost_database(self) -> DependencySeen | None:
        return next((seen for seen in self.broken if seen.is_database), None)


class LookAtDependencies(Model):
    """The services to look at, each by its own check."""

    services: tuple[Service, ...] = Field(min_length=1)

    @property
    def runs_at(self) -> Service:
        """All are asked from one place: the host of the nearest."""
        return self.services[0]
