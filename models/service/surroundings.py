"""The systems around a service: metrics, Sentry, external APIs, files.

Every part is optional; evidence from a system that is not configured is `unknown`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from models.base import Configured, Duration, Interval
from models.service.addresses import OptionalWebAddress, WebAddress, WebPage
from models.service.latency import LatencyMetrics
from models.service.secret import SecretRef


class MemoryWatch(Configured):
    """How long a heap that keeps growing is watched, before its cause is named and after it was restarted."""

    over: Interval = timedelta(hours=6)
    """How far back its growth is judged."""
    growth: float = Field(default=0.05, gt=0)
    """The growth of the heap's share within that time that is no noise."""
    lasts: Interval = timedelta(minutes=30)
    every: Interval = timedelta(minutes=1)
    after_fix: Interval = timedelta(days=1)
    after_fix_every: Interval = timedelta(minutes=10)


class MemoryMetrics(Configured):
    """The PromQL by which HighMemoryUsage judges, beside `heap`; each may be empty, where there is none."""

    full: float = Field(default=0.9, gt=0, le=1)
    """The share of the heap above which it is too full."""
    floor_over: Interval = timedelta(minutes=2)
    """A collection of garbage is expected in so long: the least of it is what the heap holds."""
    urgent_within: Interval = timedelta(minutes=15)
    """A heap that grows and will be full so soon is urgent."""
    used: str = "max(nodejs_heap_used_bytes)"
    """The heap in use, in bytes."""
    caches: str = ""
    """The size of each cache in bytes, with one series for each `cache`."""
    by_route: str = "sum by (route) (rate(http_requests_total[5m]))"
    """Requests a second by route, over `window`: what ran when the heap jumped."""
    watch: MemoryWatch = MemoryWatch()


class ErrorMetrics(Configured):
    """The PromQL by which a service is judged. Ratios are between 0 and 1.

    Sum both rates before dividing: divided label by label, the ratio is always 1. A service
    that has not failed once has no series of 5xx: that is 0, not unknown.
    """

    prometheus: WebAddress
    ratio: str = (
        '(sum(rate(http_requests_total{status=~"5.."}[5m])) or vector(0))'
        " / sum(rate(http_requests_total[5m]))"
    )
    by_route: str = (
        'sum by (route) (rate(http_requests_total{status=~"5.."}[5m]))'
        " / sum by (route) (rate(http_requests_total[5m]))"
    )
    traffic: str = "sum(rate(http_requests_total[5m]))"
    heap: str = "max(nodejs_heap_used_bytes / nodejs_heap_size_limit_bytes)"
    cpu: str = "max(rate(process_cpu_seconds_total[5m]))"
    by_provider: str = ""
    """The share of its calls that fail, or 1 for an open circuit, `by (provider)`."""
    threshold: float = Field(default=0.05, gt=0, lt=1)
    window: Interval = timedelta(minutes=5)
    """Over which the expressions take their rates: the `[5m]` in them."""
    min_rate: float = Field(default=0.1, ge=0)
    """Requests a second below which the ratio says nothing."""
    min_requests: int = Field(default=30, ge=1)
    """Requests in the window below which the ratio says nothing."""
    provider_threshold: float = Field(default=0.5, gt=0, lt=1)
    """The share in `by_provider` above which a provider counts as down."""
    cpu_full: float = Field(default=0.9, gt=0)
    """Cores in use above which the service is short of capacity."""
    samples: str = "http_requests_total"
    """A selector of the samples behind the expressions; when they are stale, the ratio is unknown."""
    fresh_for: Interval = timedelta(minutes=2)
    onset_within: Interval = timedelta(hours=2)
    """How far back to search for the start of the errors."""
    heap_window: Interval = timedelta(hours=2)
    heap_growth: float = Field(default=0.1, gt=0)
    """The growth of the heap's share within the window that makes a steady growth a leak."""
    memory: MemoryMetrics = MemoryMetrics()
    settle: Duration = timedelta(minutes=6)
    """How long the ratio may take to fall: the window of its own expression, and a scrape."""
    latency: LatencyMetrics = LatencyMetrics()


class Sentry(Configured):
    """A project in Sentry, read by its REST API."""

    url: WebAddress = "https://sentry.io"
    organization: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    project: str = Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$")
    token: SecretRef


class Provider(Configured):
    """An external API that the service needs, and the URL that tells whether it works."""

    url: WebPage
    timeout: Interval = timedelta(seconds=5)


ScheduleName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f]+$")]
"""The ID of a schedule in Temporal."""


class AppTemporal(Configured):
    """The application's own Temporal, which is not the one that runs the incidents."""

    address: str
    namespace: str = "default"
    ui: OptionalWebAddress = ""
    """Without one, the evidence holds no links."""
    window: Interval = timedelta(minutes=30)
    stuck_attempts: int = Field(default=5, ge=2)
    """An open workflow is stuck when an activity, or its own next task, has failed this often in a row."""
    stuck_after: Interval = timedelta(minutes=30)
    """No workflow counts as stuck for its age before this."""
    stuck_factor: float = Field(default=3, gt=1)
    """How many times longer than the longest lately an open workflow of its type must be, to be stuck."""
    starts_window: Interval = timedelta(hours=1)
    """Over which the starts of workflows are counted, to be compared with those of the day before."""
    starts_before: Interval = timedelta(days=1)
    """The time before that window, by which the usual number of starts is told."""
    starts_factor: float = Field(default=5, gt=1)
    """How many times its usual number a type of workflow must be started, to be too frequent."""
    starts_floor: int = Field(default=20, ge=2)
    """Fewer starts in that window are never too frequent."""
    schedules: tuple[ScheduleName, ...] = Field(default=(), max_length=20)
    """The schedules that start its workflows; the first is the one that syncs the products."""
    paused_recently: Interval = timedelta(hours=1)
    """Who paused a schedule within this time is taken to have meant it, also without a reason."""
    run_takes: Interval = timedelta(minutes=15)
    """How long a run of a schedule may take; until then it is at work, later it is stuck."""


SwitchMethod = Literal["POST", "PUT", "PATCH"]


class SwitchCall(Configured):
    """One HTTP call that switches a mode of the application on or off."""

    url: WebPage
    method: SwitchMethod = "POST"
    body: dict[str, str | bool | int | float] = Field(default_factory=dict)
    token: SecretRef | None = None


class Switched(Configured):
    """A mode of the application: how to switch it on and off, and its longest duration."""

    on: SwitchCall
    off: SwitchCall
    at_most: Interval = timedelta(hours=4)


class Degradation(Switched):
    """The application's degraded mode."""


class CleanUp(Configured):
    """Which old files may be deleted when a disk is full: one directory, by name and age."""

    directory: str = Field(min_length=1)
    pattern: str = Field(default="*.log*", min_length=1)
    older_than: Duration = timedelta(days=1)


class PoolSetting(Configured):
    """The setting that sizes the application's connection pool, and what it is raised to."""

    key: str = Field(default="PRISMA_DATABASE_URL_POOL_SIZE", pattern=r"^[A-Z_][A-Z0-9_]*$")
    value: int = Field(default=50, ge=1)
