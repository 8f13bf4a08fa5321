"""A scripted world for workflows: the outside systems, replaced by activities of the same names.

Everything inside is real: the runbooks, the steward, the control room, the policy and the
activities by which workflows speak to one another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from temporalio import activity

from models.action import (
    Effect,
    KillProcess,
    LookBack,
    Perform,
    RaiseMemoryLimit,
    RestartService,
    RollBack,
    ScaleOut,
    StartService,
)
from models.announcement import Announcement, Delivered, Receipt
from models.evidence import (
    AlertSourceSeen,
    AskSource,
    DependenciesSeen,
    Finding,
    HealthKind,
    HealthSeen,
    Watched,
    HostSeen,
    LogsSeen,
    LookAtDependencies,
    PortSeen,
    ProcessSeen,
    ProcessState,
    WatchHealth,
)
from models.review import Review, StoredReview
from models.service import Service

HEALTHY = HealthSeen(finding=Finding.OK, kind=HealthKind.HEALTHY, status=200, reason="200 and healthy")
REFUSED = HealthSeen(finding=Finding.BAD, kind=HealthKind.REFUSED, reason="connection refused")
BLIND = HealthSeen(finding=Finding.UNKNOWN, kind=HealthKind.UNREACHABLE, reason="the name does not resolve")
RUNNING = ProcessSeen(finding=Finding.OK, state=ProcessState.RUNNING, reason="running", image="backend:2")
STABLE = Watched(finding=Finding.OK, reason="healthy for the whole window")
QUIET_LOG = LogsSeen(finding=Finding.OK, reason="nothing stands out", tail=("boom",))
FREE_PORT = PortSeen(finding=Finding.OK, reason="nobody listens", port=3000)
ROOMY_HOST = HostSeen(finding=Finding.OK, reason="room enough")
HEALTHY_DEPENDENCIES = DependenciesSeen(finding=Finding.OK, reason="all healthy")
SOURCE_AGREES = AlertSourceSeen(finding=Finding.OK, reason="no such alert is active")
FAILING = Watched(finding=Finding.BAD, reason="never healthy for long")


def crashed(at: datetime) -> ProcessSeen:
    """A process that exited with code 1 at that moment."""
    return ProcessSeen(
        finding=Finding.BAD,
        state=ProcessState.EXITED,
        exit_code=1,
        finished_at=at,
        image="backend:2",
        reason="exited with code 1",
    )


@dataclass
class World:
    """What the looks find, what the effects do, and what people were told."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    health: HealthSeen = REFUSED
    process: ProcessSeen = field(default_factory=lambda: crashed(datetime(2026, 1, 1, tzinfo=UTC)))
    logs: LogsSeen = QUIET_LOG
    port: PortSeen = FREE_PORT
    host: HostSeen = ROOMY_HOST
    dependencies: DependenciesSeen = HEALTHY_DEPENDENCIES
    watched: Watched = STABLE
    source: AlertSourceSeen = SOURCE_AGREES
    broken_look: bool = False
    works: bool = True
    """Whether effects make the service run again."""
    lost: int = 0
    """How many effects end without an answer."""
    down: set[str] = field(default_factory=set)
    """Channels that take nothing."""
    done: list[str] = field(default_factory=list)
    told: list[Announcement] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)

    def pages(self) -> list[str]:
        """The roles that were paged, in order."""
        return [one.role for one in self.told if one.occasion == "page"]

    @activity.defn
    async def probe_health(self, service: Service) -> HealthSeen:
        return self.health

    @activity.defn
    async def look_at_process(self, service: Service) -> ProcessSeen:
        return self.process

    @activity.defn
    async def read_logs(self, service: Service) -> LogsSeen:
        if self.broken_look:
            raise RuntimeError("the look itself is broken")
        return self.logs

    @activity.defn
    async def look_at_port(self, service: Service) -> PortSeen:
        return self.port

    @activity.defn
    async def look_at_host(self, service: Service) -> HostSeen:
        return self.host

    @activity.defn
    async def look_at_dependencies(self, request: LookAtDependencies) -> DependenciesSeen:
        return self.dependencies

    @activity.defn
    async def watch_health(self, request: WatchHealth) -> Watched:
        return self.watched.model_copy(update={"held": request.stable_for})

    @activity.defn
    async def ask_source(self, request: AskSource) -> AlertSourceSeen:
        return self.source

    @activity.defn
    async def announce(self, message: Announcement) -> Delivered:
        self.told.append(message)
        receipts = tuple(
            Receipt(channel=name, delivered=name not in self.down, why="down" * (name in self.down))
            for name in (*message.first_of, *message.also_to)
        )
        wanted = message.first_of or message.also_to
        return Delivered(receipts=receipts, reached=any(name not in self.down for name in wanted))

    @activity.defn
    async def write_review(self, review: Review) -> StoredReview:
        self.reviews.append(review)
        return StoredReview(path=f"reviews/{review.incident}.md")

    @activity.defn
    async def start_service(self, order: Perform[StartService]) -> Effect:
        return self._do(order)

    @activity.defn
    async def restart_service(self, order: Perform[RestartService]) -> Effect:
        return self._do(order)

    @activity.defn
    async def raise_memory_limit(self, order: Perform[RaiseMemoryLimit]) -> Effect:
        return self._do(order)

    @activity.defn
    async def kill_process(self, order: Perform[KillProcess]) -> Effect:
        return self._do(order)

    @activity.defn
    async def roll_back(self, order: Perform[RollBack]) -> Effect:
        return self._do(order)

    @activity.defn
    async def scale_out(self, order: Perform[ScaleOut]) -> Effect:
        return self._do(order)

    @activity.defn
    async def look_back(self, request: LookBack) -> Effect:
        return Effect(done=True, found="seen by looking back", at=self.now())

    def _do(self, order: Perform[Any]) -> Effect:
        self.done.append(order.action.says)
        if self.lost:
            self.lost -= 1
            raise TimeoutError
        if self.works:
            self.health, self.process = HEALTHY, RUNNING
        return Effect(done=self.works, found="done" if self.works else "it did not help", at=self.now())

    def activities(self) -> list[Callable[..., Any]]:
        """Everything of the world that a worker registers."""
        return [
            self.probe_health,
            self.look_at_process,
            self.read_logs,
            self.look_at_port,
            self.look_at_host,
            self.look_at_dependencies,
            self.watch_health,
            self.ask_source,
            self.announce,
            self.write_review,
            self.start_service,
            self.restart_service,
            self.raise_memory_limit,
            self.kill_process,
            self.roll_back,
            self.scale_out,
            self.look_back,
        ]
