"""What the metrics of a service say: errors, memory, CPU. Ratios are between 0 and 1."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.evidence.evidence import Evidence
from models.evidence.metrics import LabelledValue
from models.service.request import ServiceRequest


class ErrorsSeen(Evidence):
    """The share of requests that answer 5xx. Without traffic nobody knows: `unknown`."""

    ratio: float | None = None
    threshold: float | None = None
    traffic: float | None = None
    """Requests a second."""
    routes: tuple[LabelledValue, ...] = ()
    """The routes that fail most, the worst first."""
    since: datetime | None = None
    """When the ratio rose above the threshold, as far as the last hours show."""


class HeapSeen(Evidence):
    """The share of the heap in use, and whether it grows: the slope of a straight line and its fit."""

    share: float | None = None
    slope: float | None = None
    """Growth of the share in an hour."""
    fit: float | None = None
    """R² of the line: 1 is steady growth."""
    full_in: timedelta | None = None
    """When the line reaches the limit."""


class CpuSeen(Evidence):
    """Cores in use; `bad` at the configured number."""

    cores: float | None = None


class WatchErrors(ServiceRequest):
    """Watch until the error ratio stayed under its threshold, with traffic, for `stable_for`."""

    stable_for: timedelta
