"""The part `checks` of `runbooks.yaml`: when the checks run, and what they measure by."""

from __future__ import annotations

from datetime import time, timedelta

from pydantic import Field, field_validator

from models.base import Configured, Interval
from models.calendar import WEEKDAYS, CalendarDate, ClockTime, Weekday
from models.configuration.backups import BackupLocation
from models.configuration.grafana import DashboardBackup
from models.configuration.monthly import ForecastSettings, ThresholdSettings
from models.names import AlertName, ServiceName
from models.service.addresses import WebPage
from models.zone import Zone


class ExpectedAlert(Configured):
    """An alert that is known to fire, for a reason, until a day."""

    alert: AlertName
    service: ServiceName | None = None
    until: CalendarDate
    """The last day on which it is expected."""
    why: str = Field(min_length=1)


class DailySettings(Configured):
    """The daily check."""

    enabled: bool = True
    at: ClockTime = time(9)
    slower_than_usual: float = Field(default=1.5, gt=1)
    """p95 against its baseline of the same hour: more than so many times it needs attention."""
    slower_by: Interval = timedelta(milliseconds=50)
    """And by at least so much: of what takes a few milliseconds, twice as much is nothing."""
    open_for: Interval = timedelta(days=1)
    """An incident that is open for longer is named."""
    unanswered_for: Interval = timedelta(hours=1)
    """A question that nobody answered for longer is named."""


class WeeklySettings(Configured):
    """The weekly check."""

    enabled: bool = True
    at: ClockTime = time(8)
    day: Weekday = "monday"
    over: Interval = timedelta(days=7)
    """The time that it looks back over."""
    retention: Interval = timedelta(days=15)
    """So long Prometheus must keep its series."""
    noisy_from: int = Field(default=3, ge=1)
    """So many times within the week an alert must fire to be called noise."""
    route_label: str = Field(default="route", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    status_label: str = Field(default="status", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """The labels of a service's requests, whose metric is its `metrics.samples`."""


class MonthlySettings(Configured):
    """The monthly check."""

    enabled: bool = True
    at: ClockTime = time(8)
    day: int = Field(default=1, ge=1, le=28)
    baseline: Interval = timedelta(days=30)
    """So much of the past thresholds and forecasts are measured over."""
    thresholds: ThresholdSettings = ThresholdSettings()
    forecasts: ForecastSettings = ForecastSettings()
    without: tuple[str, ...] = ()
    """Items that are not wanted, by the names that the report gives them."""


class StatusSettings(Configured):
    """What the command `status` shows."""

    log_lines: int = Field(default=20, ge=1, le=40)
    """Lines of each log, and of each search in one."""
    words: tuple[str, ...] = Field(default=(), max_length=20)
    """The logs are searched for these, in either case."""
    metrics: dict[ServiceName, WebPage] = Field(default_factory=dict)
    """Where a service exports its metrics; by default `/metrics` beside its health check."""
    metric_samples: int = Field(default=20, ge=1, le=60)


class Checks(Configured):
    """When the checks run, and what they measure by. Every key may be left out."""

    time_zone: Zone | None = None
    """By default the `time_zone` of the whole file."""
    working_days: tuple[Weekday, ...] = Field(default=WEEKDAYS[:5], min_length=1)
    holidays: tuple[CalendarDate, ...] = ()
    """Days without a daily check."""
    tell: tuple[str, ...] = ()
    """Channels that hear of each report; by default those of `broadcast`."""
    keep: int = Field(default=100, ge=2, le=10_000)
    """So many reports of each check are kept, the newest."""
    expected_alerts: tuple[ExpectedAlert, ...] = ()
    start: dict[str, AlertName] = Field(default_factory=dict)
    """What a `bad` item begins: the item's kind, such as `health`, and the alert."""
    backups: tuple[BackupLocation, ...] = ()
    """Where the backups of the databases are."""
    grafana: DashboardBackup | None = None
    """Where the dashboards of Grafana are kept."""
    daily: DailySettings = DailySettings()
    weekly: WeeklySettings = WeeklySettings()
    monthly: MonthlySettings = MonthlySettings()
    status: StatusSettings = StatusSettings()

    @field_validator("backups")
    @classmethod
    def _each_with_its_own_name(cls, value: tuple[BackupLocation, ...]) -> tuple[BackupLocation, ...]:
        names = [one.name for one in value]
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two backups are named {doubled!r}: reports are compared by this name")
        return value
