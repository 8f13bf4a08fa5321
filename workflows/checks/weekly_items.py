"""The items of the weekly check, each with its activity and its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.alerts_history.alerts import AlertHistoryActivities, LookAtAlerts
    from activities.alerts_history.incidents import IncidentHistoryActivities, LookAtIncidents
    from activities.backups.backups import BackupActivities
    from activities.errors_history.patterns import LookAtPatterns, PatternActivities
    from activities.errors_history.route_errors import LookAtRouteErrors, RouteErrorActivities
    from activities.grafana.backup import DashboardActivities
    from activities.retention.retention import LookAtRetention, RetentionActivities
    from models.checks.check import CheckPolicy
    from models.checks.item import ItemResult
    from models.names import queue_of
    from workflows.checks.check import ItemOf

ATTEMPTS = 2
"""A look is made again once, should its worker be killed."""
BEAT = timedelta(seconds=30)
SPARE = timedelta(minutes=1)
"""What an item may wait for a worker, beyond the time of its activity."""
LOOKS = timedelta(minutes=5)
"""For what asks Prometheus in parts, and reads many reviews."""
EXPORTS = timedelta(minutes=15)
"""For thousands of dashboards, and a slow remote."""
LISTS = timedelta(minutes=2)
"""For the list of a backup and its place, beside reading it to its end."""


def alerts(policy: CheckPolicy) -> Iterator[ItemOf]:
    """The alerts of the week, as Prometheus tells of them and as we do."""
    weekly = policy.checks.weekly
    if policy.systems.prometheus:
        asked = LookAtAlerts(
            prometheus=policy.systems.prometheus, over=weekly.over, noisy_from=weekly.noisy_from
        )
        yield _item("alerts of the week", AlertHistoryActivities.look_at_alerts, asked, LOOKS)
    else:
        yield _missing(
            "alerts of the week", "no address of Prometheus is configured: configure systems.prometheus"
        )
    ours = LookAtIncidents(over=weekly.over, noisy_from=weekly.noisy_from, temporal_ui=policy.temporal_ui)
    yield _item("incidents of the week", IncidentHistoryActivities.look_at_incidents_of, ours, LOOKS)


def errors(policy: CheckPolicy) -> Iterator[ItemOf]:
    """The error rates of each service that has metrics."""
    weekly = policy.checks.weekly
    services = [one for one in policy.services if one.metrics]
    for service in services:
        asked = LookAtRouteErrors(
            service=service, over=weekly.over, route=weekly.route_label, status=weekly.status_label
        )
        yield _item(f"errors of {service.name}", RouteErrorActivities.look_at_route_errors, asked, LOOKS)
    if not services:
        yield _missing("errors", "no service has metrics: configure metrics of a service")


def patterns(policy: CheckPolicy) -> Iterator[ItemOf]:
    """What is new in the Sentry of each service that has one."""
    services = [one for one in policy.services if one.sentry]
    for service in services:
        asked = LookAtPatterns(service=service, over=policy.checks.weekly.over)
        yield _item(f"Sentry of {service.name}", PatternActivities.look_at_patterns, asked, LISTS)
    if not services:
        yield _missing("Sentry", "no service has a project in Sentry: configure sentry of a service")


def backups(policy: CheckPolicy) -> Iterator[ItemOf]:
    """One for each configured location."""
    for location in policy.checks.backups:
        queue = queue_of(location.host) if location.host else None
        yield _item(
            f"backup of {location.name}",
            BackupActivities.look_at_backup,
            location,
            location.read_within + LISTS,
            queue,
        )
    if not policy.checks.backups:
        yield _missing("backup", "no backups are configured: configure checks.backups")


def retention(policy: CheckPolicy) -> Iterator[ItemOf]:
    """How long Prometheus keeps its series."""
    name = "retention of Prometheus"
    if policy.systems.prometheus is None:
        yield _missing(name, "no address of Prometheus is configured: configure systems.prometheus")
        return
    asked = LookAtRetention(prometheus=policy.systems.prometheus, wanted=policy.checks.weekly.retention)
    yield _item(name, RetentionActivities.look_at_retention, asked, LISTS)


def dashboards(policy: CheckPolicy) -> Iterator[ItemOf]:
    """The dashboards of Grafana, kept in their repository."""
    name, settings = "dashboards of Grafana", policy.checks.grafana
    if settings is None:
        yield _missing(name, "no repository for dashboards is configured: configure checks.grafana")
        return
    if policy.dry_run:
        yield _missing(name, f"dry run: they would be kept in {settings.repository}, in a commit")
        return
    queue = queue_of(settings.host) if settings.host else None
    yield _item(name, DashboardActivities.back_up_dashboards, settings, EXPORTS, queue)


def _item(
    name: str, look: Callable[[Any, Any], Any], asked: object, within: timedelta, queue: str | None = None
) -> ItemOf:
    """An item that one activity looks at."""

    async def take() -> ItemResult:
        found: ItemResult = await workflow.execute_activity_method(
            look,
            asked,
            task_queue=queue,
            start_to_close_timeout=within,
            schedule_to_close_timeout=ATTEMPTS * within,
            heartbeat_timeout=BEAT,
            retry_policy=RetryPolicy(maximum_attempts=ATTEMPTS),
            summary=name,
        )
        return found

    return ItemOf(name, take, ATTEMPTS * within + SPARE)


def _missing(name: str, reason: str) -> ItemOf:
    async def take() -> ItemResult:
        return ItemResult(reason=reason)

    return ItemOf(name, take)
