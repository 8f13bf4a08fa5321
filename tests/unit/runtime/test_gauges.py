"""The numbers by which the product is watched."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse

from models.calendar import Calendar
from models.configuration.configuration import Configuration
from runtime.alive.gauges import SAYS, Counted, Gauge, RegistryGauges
from runtime.alive.queues import pollers


def test_what_is_gone_is_0_and_not_as_it_was() -> None:
    registry = CollectorRegistry()
    stuck = Counted(RegistryGauges(registry, "worker"), Gauge.STUCK_RUNS)
    stuck.set({"unknown": 2}, known=["backend"])
    stuck.set({"backend": 1}, known=["backend"])
    told = generate_latest(registry).decode()
    assert 'runbooks_stuck_runs{process="worker",service="unknown"} 0.0' in told
    assert 'runbooks_stuck_runs{process="worker",service="backend"} 1.0' in told


def test_who_asked_for_work_long_ago_does_not_work() -> None:
    """Who has no room for activities still asks for workflow tasks."""
    now = datetime.now(UTC)

    def asked(identity: str, ago: int) -> PollerInfo:
        poller = PollerInfo(identity=identity)
        poller.last_access_time.FromDatetime(now - timedelta(seconds=ago))
        return poller

    workflows = DescribeTaskQueueResponse(pollers=[asked("busy", 20), asked("gone", 200)])
    activities = DescribeTaskQueueResponse(pollers=[asked("busy", 250), asked("gone", 200)])
    assert pollers([workflows, activities]) == {"busy"}


def test_each_gauge_says_what_it_is() -> None:
    assert set(SAYS) == set(Gauge)


@pytest.mark.parametrize(
    ("heartbeat", "mistake"),
    [
        ({"every": "1m", "lasts": "90s"}, "at least twice"),
        ({}, "set systems.alertmanager"),
    ],
)
def test_a_heartbeat_that_cannot_work_is_a_mistake(heartbeat: dict[str, str], mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake):
        Configuration.of({"heartbeat": heartbeat}, ())


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-27T08:59", "2026-03-26T09:00"),
        ("2026-03-27T09:00", "2026-03-27T09:00"),
        ("2026-03-30T08:59", "2026-03-27T09:00"),  # a Monday
        ("2026-04-06T12:00", "2026-04-03T09:00"),  # a holiday
    ],
)
def test_when_it_was_due_last(now: str, due: str) -> None:
    weekdays = ("monday", "tuesday", "wednesday", "thursday", "friday")
    calendar = Calendar(at=time(9), time_zone="UTC", weekdays=weekdays, holidays=(date(2026, 4, 6),))
    assert calendar.last_due(_utc(now)) == _utc(due)


def test_what_is_due_where_clocks_change_is_due_at_the_minute_that_exists_once() -> None:
    early = Calendar(at=time(2, 30), time_zone="Europe/Berlin")
    assert early.last_due(_utc("2026-03-29T12:00")) == _utc("2026-03-29T01:00")
    assert Calendar(at=time(9), time_zone="UTC", day_of_month=1).last_due(_utc("2026-03-29T12:00")) == _utc(
        "2026-03-01T09:00"
    )


def test_what_is_never_due_was_not_due() -> None:
    assert Calendar(at=time(9), time_zone="UTC", weekdays=()).last_due(_utc("2026-03-29T12:00")) is None


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
