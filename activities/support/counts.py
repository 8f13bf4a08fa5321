"""What a worker counts of its incidents and announcements, beside the SDK's own metrics.

No label has values from outside: runbooks, causes and channels are those of the code and the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from temporalio.common import MetricCounter, MetricHistogramFloat
from temporalio.runtime import Runtime

from models.incident.announcement import Receipt
from models.incident.review import Review

ANNOUNCEMENTS = "runbooks_announcements_total"
INCIDENTS = "runbooks_incidents_total"
RESPONSE = "runbooks_incident_response_seconds"
RECOVERY = "runbooks_incident_recovery_seconds"

_BOUNDS = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 86400.0)
BUCKETS = {RESPONSE: _BOUNDS, RECOVERY: _BOUNDS}
"""Seconds: the deadlines of 5 min, 30 min and 4 h are among them."""
_NO_CAUSE = "none"


class _Made(NamedTuple):
    announcements: MetricCounter
    incidents: MetricCounter
    response: MetricHistogramFloat
    recovery: MetricHistogramFloat


@cache
def _made() -> _Made:
    meter = Runtime.default().metric_meter
    return _Made(
        meter.create_counter(ANNOUNCEMENTS, "Announcements by channel, and whether it took them"),
        meter.create_counter(INCIDENTS, "Closed incidents by runbook, outcome and cause"),
        meter.create_histogram_float(RESPONSE, "From the alert to the first word of a person"),
        meter.create_histogram_float(RECOVERY, "From the alert to the recovery"),
    )


def count_incident(review: Review) -> None:
    """Once an incident, when its review is written."""
    of = {"runbook": review.runbook, "severity": review.severity.value}
    cause = review.cause or _NO_CAUSE
    _made().incidents.add(1, {**of, "outcome": review.outcome.value, "cause": cause})
    _made().recovery.record(review.resolved_after.total_seconds(), of)
    if review.responded_after is not None:
        _made().response.record(review.responded_after.total_seconds(), of)


def count_announcement(receipt: Receipt) -> None:
    """Each delivery to a channel of the configuration, and each that failed."""
    _made().announcements.add(1, _of(receipt.channel, delivered=receipt.delivered))


def begin_to_count(channels: Iterable[str]) -> None:
    """With 0: the first failure is an increase only of what was there before."""
    for channel in channels:
        for delivered in (True, False):
            _made().announcements.add(0, _of(channel, delivered=delivered))


def _of(channel: str, *, delivered: bool) -> dict[str, str]:
    return {"channel": channel, "delivered": str(delivered).lower()}
