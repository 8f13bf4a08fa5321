"""WeeklyCheck: which items there are, and that none hides another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.alerts_history.alerts import LookAtAlerts
from activities.alerts_history.incidents import LookAtIncidents
from activities.errors_history.patterns import LookAtPatterns
from activities.errors_history.route_errors import LookAtRouteErrors
from activities.retention.retention import LookAtRetention
from models.checks.check import CheckName
from models.checks.item import ItemResult, ItemState
from models.configuration.backups import BackupLocation
from models.configuration.grafana import DashboardBackup
from tests.workflows.checks.stage import MANAGER, Stage, stage
from workflows.checks.weekly import WeeklyCheck

FINE = ItemResult(state=ItemState.OK, reason="fine")


@activity.defn
async def look_at_alerts(request: LookAtAlerts) -> ItemResult:
    raise ApplicationError("our own mistake", non_retryable=True)


@activity.defn
async def look_at_incidents_of(request: LookAtIncidents) -> ItemResult:
    return FINE


@activity.defn
async def look_at_route_errors(request: LookAtRouteErrors) -> ItemResult:
    assert (request.route, request.over.days) == ("path", 3)
    return FINE


@activity.defn
async def look_at_patterns(request: LookAtPatterns) -> ItemResult:
    return FINE


@activity.defn
async def look_at_backup(location: BackupLocation) -> ItemResult:
    state = ItemState.BAD if location.name == "hourly" else ItemState.OK
    return ItemResult(state=state, reason=location.directory)


@activity.defn
async def look_at_retention(request: LookAtRetention) -> ItemResult:
    return FINE


@activity.defn
async def back_up_dashboards(settings: DashboardBackup) -> ItemResult:
    return FINE


ACTIVITIES: tuple[Any, ...] = (
    look_at_alerts,
    look_at_incidents_of,
    look_at_route_errors,
    look_at_patterns,
    look_at_backup,
    look_at_retention,
    back_up_dashboards,
)


@pytest.fixture
async def week() -> AsyncIterator[Stage]:
    async with stage([WeeklyCheck], ACTIVITIES) as here:
        yield here


async def test_every_item_is_there_and_one_that_fails_hides_no_other(week: Stage) -> None:
    metrics = {"prometheus": "http://localhost:9090"}
    sentry = {"organization": "acme", "project": "shop", "token": {"env": "TOKEN"}}
    week.content |= {
        "services": {
            "backend": {"manager": MANAGER, "metrics": metrics, "sentry": sentry},
            "postgres": {"manager": MANAGER},
        },
        "systems": {"prometheus": "http://localhost:9090"},
        "checks": {
            "weekly": {"over": "3d", "route_label": "path"},
            "backups": [{"name": "nightly", "directory": "/a"}, {"name": "hourly", "directory": "/b"}],
            "grafana": {"url": "http://localhost:3002", "token": {"env": "TOKEN"}, "repository": "/srv/d"},
        },
    }
    report = await week.check(WeeklyCheck, CheckName.WEEKLY)
    assert [(one.name, one.found.state.value) for one in report.items] == [
        ("alerts of the week", "unknown"),
        ("incidents of the week", "ok"),
        ("errors of backend", "ok"),
        ("Sentry of backend", "ok"),
        ("backup of nightly", "ok"),
        ("backup of hourly", "bad"),
        ("retention of Prometheus", "ok"),
        ("dashboards of Grafana", "ok"),
    ]
    assert "our own mistake" in report.items[0].found.reason


async def test_what_is_not_configured_is_unknown_and_says_what_to_configure(week: Stage) -> None:
    week.services("backend")
    report = await week.check(WeeklyCheck, CheckName.WEEKLY)
    missing = {one.name: one.found for one in report.items if one.found.state is ItemState.UNKNOWN}
    assert [(name, found.reason.rpartition("configure ")[2]) for name, found in missing.items()] == [
        ("alerts of the week", "systems.prometheus"),
        ("errors", "metrics of a service"),
        ("Sentry", "sentry of a service"),
        ("backup", "checks.backups"),
        ("retention of Prometheus", "systems.prometheus"),
        ("dashboards of Grafana", "checks.grafana"),
    ]
    assert [one.found.state for one in report.items if one.name not in missing] == [ItemState.OK]
