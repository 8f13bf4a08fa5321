"""The numbers by which the product is watched from outside; a worker and an intake export the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client import Gauge as Registered
from temporalio.common import MetricGaugeFloat, MetricMeter


class Gauge(StrEnum):
    """Names of metrics: `deploy/monitoring` and other people's rules rely on them."""

    LAST_ROUND = "runbooks_last_round_timestamp_seconds"
    WORKERS = "runbooks_workers"
    BACKLOG = "runbooks_task_queue_backlog"
    BACKLOG_AGE = "runbooks_task_queue_backlog_age_seconds"
    OPEN_INCIDENTS = "runbooks_open_incidents"
    STUCK_RUNS = "runbooks_stuck_runs"
    WITHOUT_PROGRESS = "runbooks_incidents_without_progress"
    TEMPORAL_DISK = "runbooks_temporal_disk_free_ratio"
    CHECK_OVERDUE = "runbooks_check_overdue_seconds"
    STORE_ROUND = "runbooks_store_round_timestamp_seconds"
    HEARTBEAT_SENT = "runbooks_heartbeat_sent_timestamp_seconds"
    HEARTBEAT_RECEIVED = "runbooks_heartbeat_received_timestamp_seconds"


SAYS: Mapping[Gauge, tuple[str, str]] = {
    Gauge.LAST_ROUND: ("When this process last worked through Temporal", ""),
    Gauge.WORKERS: ("Workers that poll the task queue, as Temporal sees them", "task_queue"),
    Gauge.BACKLOG: ("Tasks that wait for a worker", "task_queue"),
    Gauge.BACKLOG_AGE: ("How long the oldest task has been waiting for a worker", "task_queue"),
    Gauge.OPEN_INCIDENTS: ("Open incidents by phase", "phase"),
    Gauge.STUCK_RUNS: ("Runs that cannot go on, by service", "service"),
    Gauge.WITHOUT_PROGRESS: ("Incidents that look or diagnose for over an hour", ""),
    Gauge.TEMPORAL_DISK: ("Free share of the disk under Temporal, where it is seen from here", "directory"),
    Gauge.CHECK_OVERDUE: ("How long a check has been due and not done", "check"),
    Gauge.STORE_ROUND: ("When the incident store was last up to date", ""),
    Gauge.HEARTBEAT_SENT: ("When the heartbeat was last given to Alertmanager", ""),
    Gauge.HEARTBEAT_RECEIVED: ("When the heartbeat last came back from Alertmanager", ""),
}
"""What each tells, and the label that it has beside `process`."""


class Gauges(Protocol):
    """Where the numbers of one process go."""

    def set(self, gauge: Gauge, value: float, of: str = "") -> None:
        """Set it; `of` is the value of its label."""
        ...


class MeterGauges:
    """Beside the SDK's own metrics, at `worker.metrics`."""

    def __init__(self, meter: MetricMeter, process: str) -> None:
        self._meter = meter
        self._process = process
        self._made: dict[Gauge, MetricGaugeFloat] = {}

    def set(self, gauge: Gauge, value: float, of: str = "") -> None:
        says, label = SAYS[gauge]
        if gauge not in self._made:
            self._made[gauge] = self._meter.create_gauge_float(gauge.value, says)
        self._made[gauge].set(value, {"process": self._process, **({label: of} if label else {})})


class RegistryGauges:
    """At `/metrics` of the intake."""

    def __init__(self, registry: CollectorRegistry, process: str) -> None:
        self._registry = registry
        self._process = process
        self._made: dict[Gauge, Registered] = {}

    def set(self, gauge: Gauge, value: float, of: str = "") -> None:
        says, label = SAYS[gauge]
        if gauge not in self._made:
            labels = ["process", *([label] if label else [])]
            self._made[gauge] = Registered(gauge.value, says, labels, registry=self._registry)
        self._made[gauge].labels(self._process, *([of] if label else [])).set(value)


class Counted:
    """A gauge with a series for each of some names: a name that is gone is 0, and not as it was."""

    def __init__(self, gauges: Gauges, gauge: Gauge) -> None:
        self._gauges = gauges
        self._gauge = gauge
        self._known: set[str] = set()

    def set(self, values: Mapping[str, float], known: Iterable[str] = ()) -> None:
        """Those of `known`, and of before, that have no value are 0."""
        self._known.update(known, values)
        for name in sorted(self._known):
            self._gauges.set(self._gauge, values.get(name, 0), name)
