"""A service: what the configuration allows us to look at and act on.

A run carries its services as they were when it began, so that an edit of `runbooks.yaml`
never changes an incident that is open. Secrets are named here (a variable or a file),
never held.
"""

from __future__ import annotations

import operator
import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, StringConstraints, TypeAdapter, field_validator, model_validator

from models.base import Configured, Duration, Interval, Size, in_words
from models.names import ServiceName, queue_of, verification_queue_of
from models.service.addresses import WebLink, web_address
from models.service.application import ApplicationApi
from models.service.costs import Costs
from models.service.endpoints import Endpoints
from models.service.limits import Limits
from models.service.memory import Diagnostic, HeapLimit
from models.service.secret import SecretRef
from models.service.surroundings import (
    AppTemporal,
    CleanUp,
    Degradation,
    ErrorMetrics,
    PoolSetting,
    Provider,
    Sentry,
    SwitchCall,
)
from models.service.videos import Videos

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$")]
"""A machine, as `host` of a service and `--host` of its worker name it."""

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]

LONGEST_ROLL_BACK = timedelta(minutes=9)
"""The activity that runs the script times out after 10 minutes; the script must end before."""


class DockerManager(Configured):
    """A container, found by name; its Compose project is read from its labels."""

    kind: Literal["docker"] = "docker"
    container: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    stop_timeout: Duration | None = None
    """How long it may take to end before it is killed; by default the container's own time."""


class SupervisordManager(Configured):
    """A program of supervisord, for machines without Docker."""

    kind: Literal["supervisord"] = "supervisord"
    program: str = Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*$")
    socket: str
    """Path of supervisord's unix socket, or the address of its port, such as `http://127.0.0.1:9001`."""
    username: str | None = Field(default=None, pattern=r"^[^:\x00-\x1f]{1,200}$")
    password: SecretRef | None = None
    """Where supervisord asks for them."""
    memory_limit_file: str | None = None
    """A file with the limit in bytes, read by the program when it starts."""

    @model_validator(mode="after")
    def _has_both_or_neither(self) -> SupervisordManager:
        if (self.username is None) != (self.password is None):
            raise ValueError("write both username and password, or neither")
        return self


class SystemdManager(Configured):
    """A service of systemd, for machines without Docker. Its worker runs on the machine itself."""

    kind: Literal["systemd"] = "systemd"
    unit: str = Field(min_length=9, max_length=255)
    """Its whole name, such as `shop.service` or `shop@1.service`."""
    user: bool = False
    """Whether it is of the systemd of the worker's own user, and not of the machine's."""

    @field_validator("unit")
    @classmethod
    def _is_one_service(cls, value: str) -> str:
        if not value.endswith(".service"):
            raise ValueError(f"{value!r} is no service: write its whole name, such as shop.service")
        if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9:_.\\@-]*", value) is None:
            raise ValueError("a unit's name has letters, digits and :_.\\@- only, and no pattern")
        if value.endswith("@.service"):
            raise ValueError(f"{value!r} is a template: name one of its instances, such as shop@1.service")
        return value


Manager = Annotated[DockerManager | SupervisordManager | SystemdManager, Field(discriminator="kind")]


class HealthCheck(Configured):
    """`GET url`: healthy is a 2xx whose JSON body has a healthy value at `field`, if one is named."""

    url: str
    field: str | None = "status"
    healthy: tuple[str, ...] = ("ok", "healthy", "up", "pass")
    timeout: Interval = timedelta(seconds=3)
    every: Interval = timedelta(seconds=5)
    settle: Duration = timedelta(minutes=1)
    """How long the service may take to answer after an action before it counts as failed."""

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        TypeAdapter(HttpUrl).validate_python(web_address(value))
        return value


class LogScan(Configured):
    """How much of the log is read, and the patterns that mean something (regular expressions)."""

    lines: int = Field(default=50, ge=1, le=5000)
    patterns: dict[str, str] = Field(
        default_factory=lambda: {
            "port-in-use": r"EADDRINUSE|[Aa]ddress already in use",
            "out-of-memory": (
                r"heap out of memory|OutOfMemory|MemoryError|Cannot allocate memory"
                r"|was sent SIGKILL! Perhaps out of memory"
            ),
            "database-lost": (
                r"ECONNREFUSED.*:5432|Can't reach database|connection to (the )?database"
                r"|database connection (lost|refused|failed)|terminating connection"
                r"|too many clients already|remaining connection slots"
                r"|too many connections for (role|database)"
                r"|the database system is (starting up|shutting down|in recovery mode)"
                r"|no more connections allowed|query_wait_timeout"
            ),
            "pool-exhausted": (
                r"[Tt]imed out fetching a new connection from the connection pool|\bP2024\b"
                r"|timeout exceeded when trying to connect|connection pool (is )?(exhausted|full|empty)"
            ),
            "wrong-credentials": (
                r"password authentication failed|\bP1000\b|[Aa]uthentication failed against (the )?database"
            ),
            "not-admitted": (
                r"no pg_hba\.conf entry|pg_hba\.conf rejects|\bP1010\b|does not support SSL connections"
                r"|not currently accepting connections"
            ),
            "no-such-database": r"database \"[^\"]*\" does not exist|\bP1003\b",
            "read-only-database": r"in a read-only transaction",
            "wraparound": r"to avoid wraparound data loss",
            "circuit-open": r"(?i)circuit.*open(?!ai)",
            "disk-full": r"No space left on device|ENOSPC",
        }
    )

    @field_validator("patterns")
    @classmethod
    def _compile(cls, value: dict[str, str]) -> dict[str, str]:
        for name, pattern in value.items():
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"pattern {name!r} is not a regular expression: {error}") from error
            except (OverflowError, RecursionError):
                cure = "write it with fewer repetitions and parentheses"
                raise ValueError(f"pattern {name!r} is too much for a regular expression: {cure}") from None
        return value


class MemoryPolicy(Configured):
    """How far the memory limit may be raised, and by how much at a time."""

    factor: float = Field(default=1.5, gt=1.0, le=4.0)
    cap: Size = 4 * 2**30


class ScalePolicy(Configured):
    """The most replicas that the product may run of this service; 1 forbids scaling out."""

    max_replicas: int = Field(default=1, ge=1, le=100)


class HostFloors(Configured):
    """Below these the host itself is short: free share of each disk, free share of memory."""

    disks: tuple[str, ...] = ("/",)
    disk_free: float = Field(default=0.05, ge=0, lt=1)
    memory_free: float = Field(default=0.05, ge=0, lt=1)


class RollBackScript(Configured):
    """The configured rollback for what is not an image: an argument list, run once, without a shell."""

    command: tuple[str, ...] = Field(min_length=1)
    directory: str = "."
    timeout: Interval = timedelta(minutes=5)
    environment: tuple[VariableName, ...] = ()
    """Variables of the worker that it gets, besides those that say where programs and Docker are."""

    @field_validator("timeout")
    @classmethod
    def _ends_before_its_step(cls, value: timedelta) -> timedelta:
        if value > LONGEST_ROLL_BACK:
            longest = in_words(LONGEST_ROLL_BACK)
            raise ValueError(f"a rollback may take at most {longest}: write 9m or less, and a faster script")
        return value


class Database(Configured):
    """PostgreSQL behind a service. The connection string is a secret."""

    url: SecretRef
    timeout: Interval = timedelta(seconds=5)
    idle_limit: Duration = timedelta(minutes=10)
    """Sessions idle for longer may be terminated, with approval, when connections run out."""
    slow_query: Duration = timedelta(seconds=30)
    role: str | None = None
    """The application's role: only its statements are looked at. By default, those of every role that does
    more than monitoring."""
    large_table: int = Field(default=100_000, ge=1)
    """Rows from which a table should not be read whole by a request."""
    analyze_up_to: Size = 100 * 2**30
    """A larger table is never analyzed unasked for: that is left to its DBA."""
    recovers_within: Interval = timedelta(minutes=2)
    """How long it may start, recover or shut down before a person is called; it is waited for beyond that."""


class Service(Configured):
    """One service: how to reach, probe, manage and roll back it, and what it depends on."""

    name: ServiceName = ""
    title: str = ""
    aliases: tuple[str, ...] = ()
    """Other label values by which alerts name this service, such as its container or Prometheus job."""
    host: HostName | None = None
    manager: Manager
    health: HealthCheck | None = None
    logs: LogScan = LogScan()
    port: int | None = Field(default=None, ge=1, le=65535)
    depends_on: tuple[ServiceName, ...] = ()
    memory: MemoryPolicy = MemoryPolicy()
    scale: ScalePolicy = ScalePolicy()
    floors: HostFloors = HostFloors()
    rollback: RollBackScript | None = None
    database: Database | None = None
    metrics: ErrorMetrics | None = None
    sentry: Sentry | None = None
    providers: dict[str, Provider] = Field(default_factory=dict)
    temporal: AppTemporal | None = None
    api: ApplicationApi | None = None
    endpoints: Endpoints | None = None
    costs: Costs | None = None
    videos: Videos | None = None
    degradation: Degradation | None = None
    clear_cache: SwitchCall | None = None
    """Empties the caches of the running service."""
    diagnostic: Diagnostic | None = None
    heap_limit: HeapLimit | None = None
    env_file: str | None = None
    """The file with the service's settings; recreating the service reads it again."""
    pool: PoolSetting | None = None
    network: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    """The Docker network that the service shares with what it needs."""
    clean_up: CleanUp | None = None
    limits: Limits = Field(default=Limits(), exclude_if=lambda limits: limits == Limits())
    links: dict[str, WebLink] = Field(default_factory=dict)
    dry_run: bool = Field(default=False, exclude_if=operator.not_)
    """Whether what would be done to it is recorded, and not done. Part of a plan, and of its digest."""

    @property
    def queue(self) -> str:
        return queue_of(self.host)

    @property
    def verification_queue(self) -> str:
        """The task queue for its verifications."""
        return verification_queue_of(self.host)

    @property
    def runs_at(self) -> Service:
        """A service is itself a request: activities about it run on its host."""
        return self

    @property
    def time_zone(self) -> str:
        """In which the days of the application begin."""
        return self.api.time_zone if self.api else "UTC"

    @property
    def is_database(self) -> bool:
        return self.database is not None
