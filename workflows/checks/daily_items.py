"""The items of the daily check, each with its activities and its time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.active_alerts.unexpected import ActiveAlertActivities, LookAtAlerts
    from activities.baselines.p95 import BaselineActivities, CompareP95
    from activities.health.dependencies import DependenciesSeen, DependencyActivities, LookAtDependencies
    from activities.incidents.aged import AgedIncidentActivities, LookAtIncidents
    from activities.managers.process_seen import ProcessSeen
    from activities.monitoring.costs import CostActivities, CostsSeen, LookAtCosts
    from activities.scraping.targets import LookAtTargets, TargetActivities
    from activities.service.processes import ProcessActivities
    from models.checks.check import CheckPolicy
    from models.checks.item import ItemResult
    from models.checks.naming import Naming
    from models.service.service import Service
    from workflows.checks.check import ItemOf
    from workflows.checks.daily_findings import spending, wellbeing

LOOK_WITHIN = timedelta(seconds=15)
ITEM_WITHIN = timedelta(seconds=40)
BEAT = timedelta(seconds=10)
HOST_AWAY = timedelta(seconds=15)
"""A host's worker that takes no task for this long counts as away. The common one may be restarted
meanwhile: it is waited for as long as the item may take."""
TWICE = RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=200))

Activity = Callable[[Any, Any], Any]


async def _look(activity: Activity, about: object, summary: str, service: Service) -> Any:
    """A look of the runbooks, where the service runs."""
    return await workflow.execute_activity_method(
        activity,
        about,
        task_queue=service.queue,
        schedule_to_start_timeout=HOST_AWAY if service.host else None,
        start_to_close_timeout=LOOK_WITHIN,
        retry_policy=TWICE,
        summary=f"{summary} of {service.name}",
    )


def _item(name: str, activity: Activity, about: object, service: Service | None = None) -> ItemOf:
    """An item that one activity finds."""

    async def take() -> ItemResult:
        found: ItemResult = await workflow.execute_activity_method(
            activity,
            about,
            task_queue=service.queue if service else None,
            schedule_to_start_timeout=HOST_AWAY if service and service.host else None,
            start_to_close_timeout=ITEM_WITHIN,
            heartbeat_timeout=BEAT,
            retry_policy=TWICE,
            summary=name,
        )
        return found

    return ItemOf(name, take)


def health(policy: CheckPolicy) -> Iterator[ItemOf]:
    """Each service by the looks of its runbooks: what it answers, and whether its process runs."""
    for service in policy.services:
        yield ItemOf(f"health of {service.name}", partial(_health, service))


async def _health(service: Service) -> ItemResult:
    about = LookAtDependencies(services=(service,))
    answers: DependenciesSeen
    process: ProcessSeen
    answers, process = await asyncio.gather(
        _look(DependencyActivities.look_at_dependencies, about, "health", service),
        _look(ProcessActivities.look_at_process, service, "process", service),
    )
    return wellbeing(service, answers.services[0], process)


def targets(policy: CheckPolicy) -> Iterator[ItemOf]:
    """What each Prometheus scrapes."""
    naming = Naming.of(policy.services, policy.service_labels)
    named = [policy.systems.prometheus, *(one.metrics.prometheus for one in policy.services if one.metrics)]
    asked = {url.rstrip("/") for url in named if url}
    if not asked:
        yield _not_configured("targets", "systems.prometheus")
    for url in sorted(asked):
        name = "targets" if len(asked) == 1 else f"targets of {url.rpartition('@')[2].rpartition('://')[2]}"
        about = LookAtTargets(url=url, naming=naming)
        yield _item(name, TargetActivities.find_targets_down, about)


def p95(policy: CheckPolicy) -> Iterator[ItemOf]:
    """How fast each service answers that has metrics."""
    daily = policy.checks.daily
    for service in policy.services:
        if service.metrics:
            about = CompareP95(
                service=service,
                slower_than_usual=daily.slower_than_usual,
                slower_by=daily.slower_by,
                time_zone=policy.time_zone,
            )
            yield _item(f"p95 of {service.name}", BaselineActivities.compare_p95, about, service)


def cost(policy: CheckPolicy) -> Iterator[ItemOf]:
    """What the APIs of each service cost that pays for some."""
    for service in policy.services:
        if service.costs:
            yield ItemOf(f"cost of {service.name}", partial(_cost, service, policy.time_zone))


async def _cost(service: Service, time_zone: str) -> ItemResult:
    about = LookAtCosts(service=service, time_zone=time_zone)
    seen: CostsSeen = await _look(CostActivities.look_at_costs, about, "API costs", service)
    return spending(service, seen)


def alerts(policy: CheckPolicy) -> Iterator[ItemOf]:
    """What Alertmanager has, minus what is expected."""
    if policy.systems.alertmanager is None:
        yield _not_configured("active alerts", "systems.alertmanager")
        return
    about = LookAtAlerts(
        url=policy.systems.alertmanager,
        prometheus=policy.systems.prometheus or "",
        expected=policy.checks.expected_alerts,
        naming=Naming.of(policy.services, policy.service_labels),
        time_zone=policy.time_zone,
    )
    yield _item("active alerts", ActiveAlertActivities.find_unexpected_alerts, about)


def incidents(policy: CheckPolicy) -> Iterator[ItemOf]:
    """What is open for long, and what nobody answers."""
    daily, ui = policy.checks.daily, policy.temporal_ui
    for name, look, limit in (
        ("open incidents", AgedIncidentActivities.look_at_long_open, daily.open_for),
        ("unanswered approvals", AgedIncidentActivities.look_at_unanswered, daily.unanswered_for),
    ):
        yield _item(name, look, LookAtIncidents(longer_than=limit, temporal_ui=ui))


def _not_configured(name: str, key: str) -> ItemOf:
    async def take() -> ItemResult:
        return ItemResult(reason=f"not configured: write its address to `{key}`")

    return ItemOf(name, take)
