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

    @property
    def crashed(self) -> bool:
        """It exited, once or again and again."""
        return self.exited or self.restarting

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
