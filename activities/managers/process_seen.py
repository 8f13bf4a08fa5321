"""The state of a service's process, as its manager tells it."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from models.evidence.evidence import Evidence
from models.version import Version


class ProcessState(StrEnum):
    RUNNING = "running"
    EXITED = "exited"
    RESTARTING = "restarting"
    PAUSED = "paused"
    MISSING = "missing"
    UNKNOWN = "unknown"


class Ended(StrEnum):
    """Who ended the last run, by the word of its manager."""

    UNTOLD = "untold"
    BY_ITSELF = "by itself"
    KILLED = "killed"
    """By SIGKILL alone, which nobody sends who wants a service to be stopped in order."""
    STOPPED = "stopped"
    """Somebody asked for it."""


class OwnCheck(StrEnum):
    """What the HEALTHCHECK of a container says."""

    NONE = "none"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    TIMED_OUT = "timed out"
    """Unhealthy, and its last check had no answer in time."""
    BROKEN = "broken"
    """The check itself cannot run, which says nothing about the service."""


class ProcessSeen(Evidence):
    """The state of a service's container or process. Memory in bytes, CPU as a share of its limit."""

    state: ProcessState = ProcessState.UNKNOWN
    exit_code: int | None = None
    ended: Ended = Ended.UNTOLD
    stopping: bool = False
    """Somebody asked it to stop, and it has not ended yet."""
    oom_killed: bool = False
    """The kernel ended the main process of the last run for memory."""
    oom_killed_before: bool = False
    """The kernel ended another process of the last run for memory, and the run went on."""
    restarts: int = 0
    deaths: tuple[datetime, ...] = ()
    """When it ended without being asked to, as far as its manager remembers."""
    own_check: OwnCheck = OwnCheck.NONE
    own_check_passed_at: datetime | None = None
    """When the newest run of its own check began, if that one passed."""
    may_start_for: timedelta | None = None
    """How long its own check gives it to start, where that is said."""
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

    @property
    def down(self) -> bool:
        """It does not run, for whatever reason."""
        return not (self.running or self.unknown)

    @property
    def stopped(self) -> bool:
        """Somebody stopped or froze it on purpose, or it ended as after a stop and nobody can tell."""
        paused = self.state is ProcessState.PAUSED
        return paused or (self.exited and self.ended is Ended.STOPPED)

    @property
    def crashed(self) -> bool:
        """It ended without being asked to, once or again and again."""
        return (self.exited and not self.stopped) or self.restarting

    @property
    def crashed_at(self) -> datetime | None:
        """When a process that now stands still crashed; None where somebody stopped it."""
        return self.finished_at if self.exited and not self.stopped else None

    @property
    def age(self) -> timedelta | None:
        """How long it has been running; None when it does not run, or nobody can tell."""
        if not self.running or self.started_at is None or self.observed_at is None:
            return None
        return self.observed_at - self.started_at

    @property
    def ended_ago(self) -> timedelta | None:
        """How long it has not been running; None where that cannot be told."""
        if not self.down or self.finished_at is None or self.observed_at is None:
            return None
        return self.observed_at - self.finished_at

    @property
    def unhealthy(self) -> bool:
        """It runs, and its own HEALTHCHECK says that it is not well."""
        return self.running and self.own_check in (OwnCheck.UNHEALTHY, OwnCheck.TIMED_OUT)

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
