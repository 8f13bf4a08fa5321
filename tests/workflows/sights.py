"""What the scripted world shows: each piece of evidence that a row of a causes table needs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from activities.app.executions import ExecutionsSeen, FailedType
from activities.files.clean_up import OldFile, OldFilesSeen
from activities.files.environment import EnvironmentProposal
from activities.health.health_seen import HealthKind, HealthSeen
from activities.managers.process_seen import Ended, ProcessSeen, ProcessState
from activities.monitoring.alertmanager import AlertSourceSeen
from activities.monitoring.heap_shape import Shape, Trend
from activities.monitoring.memory import MemorySeen
from activities.monitoring.memory_growth import GrowthSeen
from activities.monitoring.providers import ProviderKind, ProviderSeen, ProvidersSeen
from activities.monitoring.sentry import SentrySeen
from activities.monitoring.service_metrics import CpuSeen, ErrorsSeen
from activities.postgres.database_seen import DatabaseKind, DatabaseSeen
from activities.postgres.room import Limit
from activities.postgres.sessions import SessionSeen, SessionsSeen
from activities.service.host import DiskSeen, HostSeen
from activities.service.logs import LogMatch, LogsSeen
from activities.service.networks import NetworksSeen
from activities.service.ports import PortOwner, PortSeen
from models.evidence.evidence import Finding, VerificationResult
from models.service.process import ProcessIdentity

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
MIB = 2**20

HEALTHY = HealthSeen(finding=Finding.OK, kind=HealthKind.HEALTHY, status=200, reason="200 and healthy")
REFUSED = HealthSeen(finding=Finding.BAD, kind=HealthKind.REFUSED, reason="connection refused")
BLIND = HealthSeen(finding=Finding.UNKNOWN, kind=HealthKind.UNREACHABLE, reason="the name does not resolve")
NOT_FITTING = HealthSeen(
    kind=HealthKind.DOES_NOT_FIT,
    status=404,
    reason="the health check does not fit: answered 404; change `health.url`",
    change="change `health.url`",
)
THROTTLED = HealthSeen(
    kind=HealthKind.THROTTLED,
    status=429,
    reason="throttled: answered 429",
    look_again_after=timedelta(minutes=1),
)
NAMES_DATABASE = HealthSeen(
    finding=Finding.BAD,
    kind=HealthKind.UNHEALTHY_BODY,
    status=503,
    reason="answered 503, and names database",
    names=("database",),
    names_database=True,
)
NAMES_PROVIDER = HealthSeen(
    finding=Finding.BAD,
    kind=HealthKind.UNHEALTHY_BODY,
    status=503,
    reason="answered 503, and names openai",
    names=("openai",),
)

RUNNING = ProcessSeen(
    finding=Finding.OK,
    state=ProcessState.RUNNING,
    reason="running for 3 h",
    image="backend:2",
    started_at=LONG_AGO,
    observed_at=LONG_AGO + timedelta(hours=3),
)
YOUNG = RUNNING.model_copy(
    update={"reason": "running for 2 s", "observed_at": LONG_AGO + timedelta(seconds=2)}
)
PAUSED = ProcessSeen(finding=Finding.BAD, state=ProcessState.PAUSED, reason="paused")
UNSEEN_PROCESS = ProcessSeen(reason="the engine does not answer")

QUIET_LOG = LogsSeen(finding=Finding.OK, reason="nothing stands out", tail=("boom",))
FREE_PORT = PortSeen(finding=Finding.OK, reason="nobody listens", port=3000)
THIEF = ProcessIdentity(boot="b5ad", started=4711, executable="/usr/bin/thief", device=1, inode=2, owner=1000)
TAKEN_PORT = PortSeen(
    finding=Finding.BAD,
    reason="pid 77 (thief) listens on port 3000",
    port=3000,
    owner=PortOwner(pid=77, name="thief", started_at=LONG_AGO, ours=False, identity=THIEF),
)
ROOMY_HOST = HostSeen(finding=Finding.OK, reason="room enough")
FULL_DISK = HostSeen(
    finding=Finding.BAD,
    reason="no room on /var",
    disks=(DiskSeen(path="/var", total=100, free=0, full=True),),
)

STABLE = VerificationResult(finding=Finding.OK, reason="well for the whole window")
FAILING = VerificationResult(finding=Finding.BAD, reason="never well for long")
UNSEEN = VerificationResult(reason="it could not be seen for most of the window")

ANSWERS = DatabaseSeen(finding=Finding.OK, kind=DatabaseKind.HEALTHY, reason="SELECT 1 in 2 ms")
CALM = SessionsSeen(
    finding=Finding.OK,
    kind=DatabaseKind.HEALTHY,
    reason="12 of 100 connections",
    used=12,
    max_connections=100,
)
JOINED_NETWORKS = NetworksSeen(finding=Finding.OK, reason="on one network", networks=("app",))
NO_OLD_FILES = OldFilesSeen(finding=Finding.OK, reason="no old files")
OLD_FILES = OldFilesSeen(
    finding=Finding.OK,
    reason="1 old file",
    files=(OldFile(path="/var/log/old.log", size=MIB, modified_at=LONG_AGO),),
)
BIGGER_POOL = EnvironmentProposal(
    finding=Finding.OK, reason="POOL: 10 → 50", file=".env", values={"POOL": "50"}, diff="-POOL=10\n+POOL=50"
)

FEW_ERRORS = ErrorsSeen(finding=Finding.OK, reason="0.1 % of 50 requests/s fail", ratio=0.001, traffic=50)
MANY_ERRORS = ErrorsSeen(finding=Finding.BAD, reason="12 % of 50 requests/s fail", ratio=0.12, traffic=50)
NO_TRAFFIC = ErrorsSeen(reason="no traffic: nobody knows")
LEAK = Trend(
    shape=Shape.GROWTH,
    slope=0.06,
    fit=0.97,
    grown=0.3,
    over=timedelta(hours=5),
    now=0.6,
    steady=True,
)
ROOMY_HEAP = MemorySeen(finding=Finding.OK, reason="40% of the heap in use, steady for 2 h", floor=0.4)
FILLING_HEAP = MemorySeen(
    finding=Finding.BAD,
    reason="92% of the heap in use, growing by 30% in 5 h",
    floor=0.92,
    full=0.9,
    trend=LEAK,
    certain=True,
)
STEADY = Trend(shape=Shape.STEADY, over=timedelta(hours=5), now=0.3)
STEADY_GROWTH = GrowthSeen(
    finding=Finding.OK,
    reason="30% of the heap in use, steady for 5 h",
    trend=STEADY,
    before=LEAK,
    over=timedelta(hours=5),
)
GROWING = GrowthSeen(
    finding=Finding.BAD,
    reason="60% of the heap in use, growing by 30% in 5 h",
    trend=LEAK,
    over=timedelta(hours=5),
    full_in=timedelta(hours=7),
)
GROWING_SINCE_ITS_START = GROWING.model_copy(update={"before": STEADY})
GROWING_AS_BEFORE = GROWING.model_copy(update={"before": LEAK})
GROWING_WITH_TRAFFIC = GROWING_SINCE_ITS_START.model_copy(update={"traffic_grew": 3.0, "follows": 0.95})
JUST_STARTED = STEADY_GROWTH.model_copy(update={"trend": Trend(), "over": timedelta(seconds=1)})
LEVELLED_OFF = STEADY_GROWTH.model_copy(
    update={"trend": LEAK.model_copy(update={"levels_off": True}), "reason": "grew by 30%, and levels off"}
)
IDLE_CPU = CpuSeen(finding=Finding.OK, reason="0.2 cores", cores=0.2)
FULL_CPU = CpuSeen(finding=Finding.BAD, reason="0.98 cores", cores=0.98)
NO_ISSUES = SentrySeen(finding=Finding.OK, reason="no issues")
SERVING = ProvidersSeen(finding=Finding.OK, reason="all serve us")
PROVIDER_DOWN = ProvidersSeen(
    finding=Finding.BAD,
    reason="openai answers 503",
    providers=(
        ProviderSeen(name="openai", finding=Finding.BAD, reason="503", kind=ProviderKind.DOWN, status=503),
    ),
)
PROVIDER_NOT_REACHED = ProvidersSeen(
    finding=Finding.BAD,
    reason="openai: connection refused",
    providers=(
        ProviderSeen(
            name="openai",
            finding=Finding.BAD,
            reason="connection refused",
            kind=ProviderKind.DOWN,
            status=None,
        ),
    ),
)
NO_FAILURES = ExecutionsSeen(finding=Finding.OK, reason="no workflow failed")
FAILED_WORKFLOWS = ExecutionsSeen(
    finding=Finding.BAD,
    reason="7 workflows failed",
    total=7,
    types=(FailedType(type="Loop", count=7, workflow_id="loop-1", closed_at=LONG_AGO),),
)
SOURCE_AGREES = AlertSourceSeen(finding=Finding.OK, reason="no such alert is active")


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


def brought_back(*ago: int, age: int) -> ProcessSeen:
    """A process that runs for `age` seconds, after crashes so many seconds before this life began."""
    began = LONG_AGO + timedelta(hours=3)
    deaths = tuple(began - timedelta(seconds=one) for one in ago)
    observed_at = began + timedelta(seconds=age)
    return RUNNING.model_copy(
        update={
            "started_at": began,
            "deaths": deaths,
            "restarts": len(ago),
            "observed_at": observed_at,
            "reason": "running again",
        }
    )


def stopped(at: datetime) -> ProcessSeen:
    """A process that somebody stopped at that moment; nothing else is known of the time."""
    changes = {"ended": Ended.STOPPED, "exit_code": 143, "reason": "stopped by somebody"}
    return crashed(at).model_copy(update=changes)


def answers(status: int) -> HealthSeen:
    """A health check that is answered with an error, and no reason."""
    return HealthSeen(
        finding=Finding.BAD, kind=HealthKind.ERROR_STATUS, status=status, reason=f"answered {status}"
    )


def killed_for_memory(limit: int) -> ProcessSeen:
    """A process that the kernel ended under this limit."""
    return crashed(LONG_AGO).model_copy(
        update={"exit_code": 137, "oom_killed": True, "memory_limit": limit, "reason": "killed for memory"}
    )


def at_its_limit(replicas: int = 1) -> ProcessSeen:
    """A process that runs, with all the memory that it may use."""
    used = {"memory_limit": 512 * MIB, "memory_used": 511 * MIB}
    return RUNNING.model_copy(update={**used, "replicas": replicas})


def log_with(pattern: str) -> LogsSeen:
    """A log in which one of the named patterns stands."""
    return LogsSeen(
        finding=Finding.BAD,
        reason=f"{pattern} stands in the log",
        tail=("boom",),
        matches={pattern: LogMatch(count=1, sample="boom")},
    )


def database(kind: DatabaseKind) -> DatabaseSeen:
    """A database that does not answer, in this way."""
    return DatabaseSeen(finding=Finding.BAD, kind=kind, reason=f"SELECT 1: {kind}")


def session(pid: int) -> SessionSeen:
    """A session that has been idle in its transaction for an hour."""
    return SessionSeen(
        pid=pid,
        backend_start=LONG_AGO,
        application="worker",
        state="idle in transaction",
        lasts=timedelta(hours=1),
        query="UPDATE jobs",
    )


def no_room(*, idle: bool) -> SessionsSeen:
    """A database without a free connection, with or without sessions that could be ended."""
    return SessionsSeen(
        finding=Finding.BAD,
        kind=DatabaseKind.TOO_MANY_CONNECTIONS,
        reason="100 of 100 connections",
        used=100,
        max_connections=100,
        idle=(session(41), session(42)) if idle else (),
    )


def role_at_its_limit(role: str) -> SessionsSeen:
    """The server has room; this role may open no more, and sessions of two roles are idle."""
    others = session(42).model_copy(update={"user": "somebody"})
    return CALM.model_copy(
        update={
            "limits": (Limit(of="role", name=role, used=12, allowed=12),),
            "idle": (session(41).model_copy(update={"user": role}), others),
        }
    )


def deadlocked() -> SessionsSeen:
    """A session that waits too long for another one's lock."""
    return CALM.model_copy(
        update={
            "finding": Finding.BAD,
            "reason": "2 sessions wait for session 41",
            "blocked": (session(43),),
            "blockers": (session(41),),
        }
    )
